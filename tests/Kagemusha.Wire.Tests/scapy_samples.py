"""The samples of Samples.cs as scapy makes them.

Reads lines "name hex", a packet as Kagemusha.Wire wrote it. Writes lines "name hex" with scapy's own packet, followed by
" differs: ..." where scapy reads the other one as something else or would give it another checksum.
"""

import sys

from scapy.layers.inet6 import (
    HAO, ICMPv6HAADReply, ICMPv6HAADRequest, ICMPv6MPAdv, ICMPv6MPSol, ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6ND_RA, ICMPv6ND_RS, ICMPv6NDOptDstLLAddr, ICMPv6NDOptHAInfo, ICMPv6NDOptMTU,
    ICMPv6NDOptPrefixInfo, ICMPv6NDOptRDNSS, ICMPv6NDOptSrcLLAddr, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrRouting, MIP6MH_BA, MIP6MH_BE,
    MIP6MH_BRR, MIP6MH_BU, MIP6MH_Generic, MIP6MH_HoTI, MIP6OptAltCoA, MIP6OptBRAdvice, MIP6OptMNID)

HOME, CARE_OF, HOME_AGENT, PEER = "2001:db8:1::75", "2001:db8:2::b", "2001:db8:1::1", "2001:db8:3::7"
HOME_AGENTS = "2001:db8:1:0:fdff:ffff:ffff:fffe"
ROUTER, NODES, ROUTERS = "fe80::1", "ff02::1", "ff02::2"
ROUTER_MAC, GUEST_MAC = "02:00:00:00:00:01", "52:54:00:12:34:56"


def ip(src, dst):
    return IPv6(src=src, dst=dst, hlim=64)


def link(src, dst):
    return IPv6(src=src, dst=dst, hlim=255)


def sender(home):
    return IPv6ExtHdrDestOpt(options=[HAO(hoa=home)])


def receiver(home):
    return IPv6ExtHdrRouting(type=2, segleft=1, addresses=[home])


SAMPLES = {
    "binding-update": ip(CARE_OF, HOME_AGENT) / sender(HOME)
    / MIP6MH_BU(seq=0x1234, flags="AH", mhtime=150, options=[MIP6OptAltCoA(acoa=CARE_OF)]),
    "binding-update-all-flags": ip(CARE_OF, HOME_AGENT) / sender(HOME)
    / MIP6MH_BU(seq=0xffff, flags="AHLK", mhtime=0xffff, options=[MIP6OptBRAdvice(rinter=50), MIP6OptAltCoA(acoa=CARE_OF)]),
    "de-registration": ip(HOME, HOME_AGENT) / MIP6MH_BU(seq=0x1235, flags="AH", mhtime=0),
    "binding-update-with-identifier": ip(CARE_OF, HOME_AGENT) / sender(HOME)
    / MIP6MH_BU(seq=1, flags="AH", mhtime=15, options=[MIP6OptMNID(id="a@b.c"), MIP6OptAltCoA(acoa=CARE_OF)]),
    "binding-acknowledgement": ip(HOME_AGENT, CARE_OF) / receiver(HOME)
    / MIP6MH_BA(status=0, flags="K", seq=0x1234, mhtime=100, options=[MIP6OptBRAdvice(rinter=50)]),
    "refusal": ip(HOME_AGENT, CARE_OF) / receiver(HOME) / MIP6MH_BA(status=135, flags=0, seq=0x1200, mhtime=0),
    "binding-error": ip(HOME_AGENT, CARE_OF) / MIP6MH_BE(status=2, ha=HOME),
    "binding-refresh-request": ip(HOME_AGENT, CARE_OF) / receiver(HOME) / MIP6MH_BRR(),
    "between-mobile-nodes": ip(CARE_OF, PEER) / receiver("2001:db8:4::9") / sender(HOME) / MIP6MH_BU(seq=7, flags="A", mhtime=3),
    "home-test-init": ip(HOME, PEER) / MIP6MH_HoTI(cookie=bytes.fromhex("0102030405060708")),
    # Scapy does not know RFC 5846: the checksum alone is its own.
    "binding-revocation-indication": ip(HOME_AGENT, CARE_OF) / receiver(HOME)
    / MIP6MH_Generic(mhtype=16, len=1, res=0, msg=bytes.fromhex("0101 1234 0000 01020000")),
    "binding-revocation-acknowledgement": ip(CARE_OF, HOME_AGENT) / sender(HOME)
    / MIP6MH_Generic(mhtype=16, len=1, res=0, msg=bytes.fromhex("0280 1234 2000 01020000")),
    "home-agent-address-discovery-request": ip(CARE_OF, HOME_AGENTS) / ICMPv6HAADRequest(id=0x1234, R=0),
    "home-agent-address-discovery-reply": ip(HOME_AGENT, CARE_OF)
    / ICMPv6HAADReply(id=0x1234, R=0, addresses=[HOME_AGENT, "2001:db8:4::9"]),
    "mobile-prefix-solicitation": ip(CARE_OF, HOME_AGENT) / sender(HOME) / ICMPv6MPSol(id=0x1235),
    "mobile-prefix-advertisement": ip(HOME_AGENT, CARE_OF) / receiver(HOME) / ICMPv6MPAdv(id=0x1235, flags="O")
    / ICMPv6NDOptPrefixInfo(prefixlen=64, L=1, A=1, R=1, validlifetime=86400, preferredlifetime=14400, prefix=HOME_AGENT),
    "router-solicitation": link("fe80::2", ROUTERS) / ICMPv6ND_RS() / ICMPv6NDOptSrcLLAddr(lladdr=GUEST_MAC),
    "router-solicitation-unspecified": link("::", ROUTERS) / ICMPv6ND_RS(),
    "router-advertisement": link(ROUTER, NODES)
    / ICMPv6ND_RA(chlim=64, M=0, O=1, H=1, prf=3, routerlifetime=1800, reachabletime=30000, retranstimer=1000)
    / ICMPv6NDOptSrcLLAddr(lladdr=ROUTER_MAC) / ICMPv6NDOptMTU(mtu=1500)
    / ICMPv6NDOptPrefixInfo(prefixlen=64, L=1, A=1, R=1, validlifetime=86400, preferredlifetime=14400, prefix=HOME_AGENT)
    / ICMPv6NDOptHAInfo(pref=10, lifetime=1800) / ICMPv6NDOptRDNSS(lifetime=600, dns=[HOME_AGENT]),
    "neighbour-solicitation": link("fe80::2", HOME_AGENT) / ICMPv6ND_NS(tgt=HOME_AGENT) / ICMPv6NDOptSrcLLAddr(lladdr=GUEST_MAC),
    "duplicate-address-detection": link("::", "ff02::1:ff00:75") / ICMPv6ND_NS(tgt=HOME),
    "neighbour-advertisement": link(HOME_AGENT, HOME) / ICMPv6ND_NA(tgt=HOME_AGENT, R=1, S=1, O=0)
    / ICMPv6NDOptDstLLAddr(lladdr=ROUTER_MAC),
    "overriding-advertisement": link(HOME_AGENT, NODES) / ICMPv6ND_NA(tgt=HOME, R=0, S=0, O=1)
    / ICMPv6NDOptDstLLAddr(lladdr=ROUTER_MAC),
}


def without_checksum(packet):
    packet = IPv6(bytes(packet))
    if IPv6ExtHdrDestOpt in packet:
        # Scapy takes the home address into the pseudo-header only where it is the header's one option; the padding comes back by itself.
        packet[IPv6ExtHdrDestOpt].options = [o for o in packet[IPv6ExtHdrDestOpt].options if HAO in o]
    for layer in packet.layers():
        if "cksum" in packet[layer].fields:
            del packet[layer].cksum
    return packet


def difference(name, theirs):
    if without_checksum(theirs).command() != without_checksum(SAMPLES[name]).command():
        return without_checksum(theirs).command()
    if bytes(without_checksum(theirs)) != theirs:
        return "checksum"
    return None


given = dict(line.split() for line in sys.stdin)
for sample, packet in SAMPLES.items():
    why = difference(sample, bytes.fromhex(given[sample])) if sample in given else "not given"
    print(sample, bytes(packet).hex() + (f" differs: {why}" if why else ""))
