# node-agent
