// How much a turnip of that radius weighs, by a thread of its own.
double turnip_weight(double radius);
