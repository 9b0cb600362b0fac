"""The lab: the hosts of an inventory as Debian containers with systemd and sshd, reached like any host."""
