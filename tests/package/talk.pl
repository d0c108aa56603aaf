# SPDX-License-Identifier: BSD-3-Clause
# A TCP connection that can be seen to go on: "talk.pl serve" echoes what one client sends;
# "talk.pl ADDRESS" sends a word every 20 ms, and says so for each that comes back, and what it was
# that ended it. With what Debian's minimum has.
use strict;
use warnings;
use IO::Socket::INET;

my $port = 7007;
$| = 1;
if ($ARGV[0] eq 'serve') {
	my $listener = IO::Socket::INET->new(Listen => 1, LocalPort => $port, ReuseAddr => 1)
		or die "listen: $!";
	my $client = $listener->accept() or die "accept: $!";
	while (sysread($client, my $word, 64)) {
		syswrite($client, $word) or die "write: $!";
	}
	exit;
}
my $server = IO::Socket::INET->new(PeerAddr => $ARGV[0], PeerPort => $port, Timeout => 60)
	or die "connect: $!";
while (1) {
	syswrite($server, "word\n") or die "write: $!";
	sysread($server, my $word, 64) or die "read: $!";
	print "back\n";
	select(undef, undef, undef, 0.02);
}
