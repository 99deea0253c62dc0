// SPDX-License-Identifier: ISC
// An invoice as a page to print: one file, nothing loaded from elsewhere, no
// script. All text in it is escaped; it may have come from another machine.
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "billing/invoice.h"

static const char head[] =
    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width\">\n"
    "<title>Invoice</title>\n<style>\n"
    "@page { size: A4; margin: 18mm 16mm 20mm;\n"
    " @bottom-right { content: 'Page ' counter(page) ' of ' counter(pages);"
    " font: 8pt Arial, 'Liberation Sans', sans-serif; color: #626a75 } }\n"
    "* { box-sizing: border-box }\n"
    "body { font: 10.5pt/1.45 'Helvetica Neue', Arial, 'Liberation Sans',"
    " sans-serif; color: #1a1c20; background: #eceef1; margin: 0 }\n"
    "main { background: #fff; max-width: 210mm; margin: 10mm auto;"
    " padding: 16mm 16mm 14mm; box-shadow: 0 1px 6px #0003 }\n"
    "header { display: flex; justify-content: space-between;"
    " border-bottom: 2.5px solid #1d3f72; padding-bottom: 7mm }\n"
    "h1 { font-size: 22pt; font-weight: 600; margin: 0; color: #1d3f72;"
    " letter-spacing: .01em }\n"
    "h2 { font-size: 11.5pt; font-weight: 600; margin: 9mm 0 2mm;"
    " color: #1d3f72 }\n"
    ".mark { display: inline-block; margin-left: 3mm; padding: .3mm 2.2mm;"
    " border: 1px solid #a8611a; color: #a8611a; border-radius: 2px;"
    " font-size: 9pt; vertical-align: 4pt; letter-spacing: .08em }\n"
    ".parties { display: flex; gap: 12mm; margin-top: 7mm }\n"
    ".parties > div { flex: 1; min-width: 0 }\n"
    ".label { color: #626a75; font-size: 8.5pt }\n"
    ".key { font: 7.5pt/1.5 'DejaVu Sans Mono', Menlo, monospace;"
    " overflow-wrap: anywhere; color: #454c56 }\n"
    "table { width: 100%; border-collapse: collapse }\n"
    "th { text-align: left; font-weight: 600; font-size: 8.5pt;"
    " color: #626a75; border-bottom: 1px solid #9aa3ae;"
    " padding: 1.2mm 2mm 1.2mm 0 }\n"
    "td { padding: 1.1mm 2mm 1.1mm 0; border-bottom: 1px solid #e4e7eb;"
    " vertical-align: top }\n"
    "tr, .details tbody { break-inside: avoid }\nthead { display: "
    "table-header-group }\n"
    ".n { text-align: right; padding-right: 0; white-space: nowrap;"
    " font-variant-numeric: tabular-nums }\n"
    "th.n { padding-left: 3mm }\ntd.n { padding-left: 3mm }\n"
    ".unit { color: #626a75 }\n"
    ".totals { width: 58%; margin: 5mm 0 0 auto }\n"
    ".totals td { border: 0 }\n"
    ".totals .tax td { color: #626a75; font-size: 9.5pt }\n"
    ".totals { break-inside: avoid }\nh2 { break-after: avoid }\n"
    ".totals .pay td { border-top: 2px solid #1d3f72; font-weight: 700;"
    " font-size: 13pt; color: #1d3f72; padding-top: 2mm }\n"
    ".details td { font-size: 9pt; padding-top: .6mm; padding-bottom: .6mm;"
    " border: 0 }\n"
    ".fill { color: #c9ced6 }\n.sum { font-weight: 600 }\n"
    ".details .first td { border-top: 1px solid #9aa3ae }\n"
    "footer { margin-top: 10mm; color: #626a75; font-size: 8.5pt }\n"
    "@media print { body { background: none } main { margin: 0; padding: 0;"
    " max-width: none; box-shadow: none } .details { break-before: auto } }\n"
    "@media (max-width: 160mm) { main { margin: 0; padding: 6mm }"
    " .parties, header { flex-direction: column; gap: 4mm }"
    " .totals { width: 100% } }\n"
    "</style>\n</head>\n<body>\n<main>\n";

static const char foot[] =
    "<footer>Amounts are exact to the billionth of the currency unit. Each "
    "line of a submission is rounded once; sums are not rounded. Every charge "
    "is in a batch that the node signed: <code>hostel receipt</code> gets the "
    "proof, <code>hostel verify-receipt</code> checks it offline.</footer>\n"
    "</main>\n</body>\n</html>\n";

static void text_put(FILE *out, const char *text)
{
    for (; *text; text++) {
        switch (*text) {
        case '&':
            fputs("&amp;", out);
            break;
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '"':
            fputs("&quot;", out);
            break;
        default:
            fputc(*text, out);
        }
    }
}

// A member that is missing or of another type reads as "".
static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "";
}

static void member_put(FILE *out, const char *before, const json_t *object,
                       const char *key, const char *after)
{
    fputs(before, out);
    text_put(out, text_of(object, key));
    fputs(after, out);
}

// 1234567 as 1,234,567.
static void quantity_put(FILE *out, const json_t *line)
{
    char digits[24];
    json_int_t value = json_integer_value(json_object_get(line, "quantity"));
    int len = snprintf(digits, sizeof(digits), "%" JSON_INTEGER_FORMAT,
                       value < 0 ? 0 : value);

    fputs("<td class=\"n\">", out);
    for (int i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0)
            fputc(',', out);
        fputc(digits[i], out);
    }
    member_put(out, " <span class=\"unit\">", line, "unit", "</span></td>");
}

// A cell; the zeros that fill up to a billionth are there for the column's
// sake.
static void amount_put(FILE *out, const char *more_class, const char *sign,
                       const char *amount)
{
    const char *point = strchr(amount, '.');
    size_t decimals = point ? strlen(point + 1) : 9;

    fprintf(out, "<td class=\"n%s\">%s", more_class, sign);
    if (*amount == '-') {
        fputs("&minus;", out);
        amount++;
    }
    text_put(out, amount);
    if (decimals < 9)
        fprintf(out, "<span class=\"fill\">%.*s</span>", (int)(9 - decimals),
                "000000000");
    fputs("</td>", out);
}

// A day where the time is midnight, else the time as well.
static void time_put(FILE *out, const char *time)
{
    char text[40];
    size_t len = strlen(time);

    snprintf(text, sizeof(text), "%s", time);
    if (len == 20 && !strcmp(time + 10, "T00:00:00Z"))
        text[10] = '\0';
    else if (len == 20)
        snprintf(text, sizeof(text), "%.10s %.5s UTC", time, time + 11);
    text_put(out, text);
}

static void seller_put(const json_t *seller, FILE *out)
{
    const json_t *line;
    size_t i;

    if (!*text_of(seller, "name")) {
        fputs("Hostel node", out);
        return;
    }
    text_put(out, text_of(seller, "name"));
    json_array_foreach(json_object_get(seller, "address"), i, line)
    {
        fputs("<br>", out);
        text_put(out, json_is_string(line) ? json_string_value(line) : "");
    }
    if (*text_of(seller, "tax_id"))
        member_put(out, "<br>Tax number ", seller, "tax_id", "");
}

static void parties_put(const json_t *invoice, FILE *out)
{
    member_put(out,
               "<div class=\"parties\">\n<div><div class=\"label\">"
               "Billed to</div>",
               invoice, "name", "");
    member_put(out, "<div class=\"key\">", invoice, "customer", "</div></div>");
    fputs("\n<div><div class=\"label\">Provided by</div>", out);
    seller_put(json_object_get(invoice, "seller"), out);
    member_put(out, "<div class=\"key\">node ", invoice, "node",
               "</div></div>\n</div>\n");
}

static void notes_put(const json_t *invoice, FILE *out)
{
    const json_t *note, *notes = json_object_get(invoice, "notes");
    size_t i;

    if (!json_array_size(notes))
        return;
    fputs("<h2>Corrections</h2>\n<table>\n<thead><tr><th>Date</th>"
          "<th>Reason</th><th class=\"n\">Amount</th></tr></thead>\n<tbody>\n",
          out);
    json_array_foreach(notes, i, note)
    {
        fprintf(out, "<tr><td>");
        time_put(out, text_of(note, "time"));
        member_put(out, "</td><td>", note, "reason", "");
        if (*text_of(note, "submission"))
            member_put(out, "<br><span class=\"key\">", note, "submission",
                       "</span>");
        fputs("</td>", out);
        amount_put(out, "", "", text_of(note, "amount"));
        fputs("</tr>\n", out);
    }
    fputs("</tbody>\n</table>\n", out);
}

static void taxes_put(const json_t *invoice, bool included, FILE *out)
{
    const json_t *tax, *taxes = json_object_get(invoice, "taxes");
    size_t i;

    json_array_foreach(taxes, i, tax)
    {
        fputs("<tr class=\"tax\"><td>", out);
        text_put(out, included ? "of which " : "");
        member_put(out, "", tax, "name", "</td>");
        amount_put(out, "", "", text_of(tax, "amount"));
        fputs("</tr>\n", out);
    }
}

static void sum_put(const json_t *invoice, const char *name, const char *key,
                    const char *sign, FILE *out)
{
    if (!json_integer_value(json_object_get(invoice, strcmp(key, "written_off")
                                                         ? "notes_total_nano"
                                                         : "written_off_nano")))
        return;
    fprintf(out, "<tr><td>%s</td>", name);
    amount_put(out, "", sign, text_of(invoice, key));
    fputs("</tr>\n", out);
}

static void totals_put(const json_t *invoice, FILE *out)
{
    bool included = json_is_true(json_object_get(invoice, "taxes_included"));

    fputs("<table class=\"totals\">\n<tr><td>Used</td>", out);
    amount_put(out, "", "", text_of(invoice, "charge"));
    fputs("</tr>\n", out);
    sum_put(invoice, "Beyond agreed caps, carried by the node", "written_off",
            "&minus;", out);
    sum_put(invoice, "Corrections", "notes_total", "", out);
    if (!included)
        taxes_put(invoice, false, out);
    member_put(out, "<tr class=\"pay\"><td>Total ", invoice, "currency",
               "</td>");
    amount_put(out, "", "", text_of(invoice, "total"));
    fputs("</tr>\n", out);
    if (included)
        taxes_put(invoice, true, out);
    fputs("</table>\n", out);
}

static void summary_put(const json_t *invoice, FILE *out)
{
    const json_t *line, *totals = json_object_get(invoice, "totals");
    size_t i;

    fputs("<h2>Summary</h2>\n<table>\n<thead><tr><th>Service</th><th>SKU</th>"
          "<th class=\"n\">Quantity</th><th class=\"n\">Amount ",
          out);
    text_put(out, text_of(invoice, "currency"));
    fputs("</th></tr></thead>\n<tbody>\n", out);
    json_array_foreach(totals, i, line)
    {
        member_put(out, "<tr><td>", line, "description", "</td>");
        member_put(out, "<td class=\"unit\">", line, "sku", "</td>");
        quantity_put(out, line);
        amount_put(out, "", "", text_of(line, "amount"));
        fputs("</tr>\n", out);
    }
    fputs("</tbody>\n</table>\n", out);
}

static void submission_put(const json_t *submission, FILE *out)
{
    const json_t *line, *lines = json_object_get(submission, "lines");
    json_int_t records =
        json_integer_value(json_object_get(submission, "records"));
    size_t i;

    member_put(
        out,
        "<tbody><tr class=\"first\"><td colspan=\"2\"><span class=\"key\">",
        submission, "submission", "</span><br>");
    time_put(out, text_of(submission, "settled"));
    fprintf(out, ", %" JSON_INTEGER_FORMAT " usage record%s, rate card ",
            records, records == 1 ? "" : "s");
    member_put(out, "", submission, "ratecard", "</td>");
    amount_put(out, " sum", "", text_of(submission, "billed"));
    fputs("</tr>\n", out);
    json_array_foreach(lines, i, line)
    {
        member_put(out, "<tr><td>", line, "description", "</td>");
        quantity_put(out, line);
        amount_put(out, "", "", text_of(line, "amount"));
        fputs("</tr>\n", out);
    }
    if (json_integer_value(json_object_get(submission, "written_off_nano"))) {
        fputs("<tr><td>Beyond the cap, not billed</td><td></td>", out);
        amount_put(out, "", "&minus;", text_of(submission, "written_off"));
        fputs("</tr>\n", out);
    }
    fputs("</tbody>\n", out);
}

static void details_put(const json_t *invoice, FILE *out)
{
    const json_t *submission,
        *submissions = json_object_get(invoice, "submissions");
    size_t i;

    fputs("<h2>Submissions</h2>\n<table class=\"details\">\n<thead><tr>"
          "<th>Submission and service</th>"
          "<th class=\"n\">Quantity</th><th class=\"n\">Amount</th></tr>"
          "</thead>\n",
          out);
    json_array_foreach(submissions, i, submission)
        submission_put(submission, out);
    fputs("</table>\n", out);
}

static void head_put(const json_t *invoice, FILE *out)
{
    const char *number = text_of(invoice, "number_text");

    fputs("<header>\n<div><h1>Invoice", out);
    if (*number)
        member_put(out, " ", invoice, "number_text", "</h1>");
    else
        fputs("<span class=\"mark\">DRAFT</span></h1>", out);
    fputs("</div>\n<div><div class=\"label\">Period</div>", out);
    time_put(out, text_of(invoice, "from"));
    fputs(" &ndash; ", out);
    time_put(out, text_of(invoice, "to"));
    if (*number) {
        fputs("<div class=\"label\">Issued</div>", out);
        time_put(out, text_of(invoice, "issued"));
    }
    fputs("</div>\n</header>\n", out);
}

int invoice_html(const json_t *invoice, FILE *out, struct err *e)
{
    int r = invoice_check(invoice, e);

    if (r < 0)
        return r;
    fputs(head, out);
    head_put(invoice, out);
    parties_put(invoice, out);
    summary_put(invoice, out);
    notes_put(invoice, out);
    totals_put(invoice, out);
    details_put(invoice, out);
    fputs(foot, out);
    return 0;
}
