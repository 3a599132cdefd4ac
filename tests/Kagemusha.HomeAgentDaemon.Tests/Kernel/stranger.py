#!/usr/bin/python3
"""What mobile nodes and strangers ask of a home agent besides registrations, by scapy.

usage: stranger.py INTERFACE

Each line on standard input is a JSON object: ask (a name below), agent, source, home. For each, a line of JSON that begins with
"answer": what the home agent sent back, or null after five seconds. With ask "advertise" a router's advertisement of 2001:db8:1::9
is sent on the interface's link, with valid and preferred, and the answer is null at once.
"""
import json
import select
import socket
import sys
import time

from scapy.layers.inet6 import (
    HAO, ICMPv6EchoRequest, ICMPv6HAADReply, ICMPv6HAADRequest, ICMPv6MPAdv, ICMPv6MPSol, ICMPv6ND_RA, ICMPv6NDOptHAInfo,
    ICMPv6NDOptPrefixInfo, ICMPv6ParamProblem, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrRouting, MIP6MH_BE, in6_chksum)
from scapy.layers.l2 import Ether
from scapy.packet import Raw

ETH_P_IPV6 = 0x86DD
PATIENCE = 5
ANYCAST = "2001:db8:1:0:fdff:ffff:ffff:fffe"
MOBILITY = 135


def mobility(source, agent, kind):
    """A mobility header of eight bytes."""
    packet = IPv6(src=source, dst=agent, nh=MOBILITY)
    header = bytes([59, 0, kind, 0, 0, 0, 0, 0])
    checksum = in6_chksum(MOBILITY, packet, header)
    return packet / Raw(header[:4] + checksum.to_bytes(2, "big") + header[6:])


def question(ask, source, agent, home):
    option = IPv6ExtHdrDestOpt(options=[HAO(hoa=home)])
    return {
        "discovery": lambda: (IPv6(src=source, dst=ANYCAST) / ICMPv6HAADRequest(id=77), ICMPv6HAADReply),
        "solicitation": lambda: (IPv6(src=source, dst=agent) / option / ICMPv6MPSol(id=78), ICMPv6MPAdv),
        "home-address": lambda: (IPv6(src=source, dst=agent) / option / ICMPv6EchoRequest(), MIP6MH_BE),
        "unknown": lambda: (mobility(source, agent, 99), MIP6MH_BE),
        "short": lambda: (mobility(source, agent, 5), ICMPv6ParamProblem),
    }[ask]()


def describe(packet):
    routing = packet.getlayer(IPv6ExtHdrRouting)
    said = {"source": packet.src, "destination": packet.dst, "routing_address": routing.addresses[0] if routing else None}
    if packet.haslayer(ICMPv6HAADReply):
        said["list"] = [packet[ICMPv6HAADReply].id, *packet[ICMPv6HAADReply].addresses]
    if packet.haslayer(ICMPv6MPAdv):
        prefix = packet[ICMPv6NDOptPrefixInfo]
        said["list"] = [packet[ICMPv6MPAdv].id, prefix.prefix, prefix.prefixlen, prefix.L, prefix.A, prefix.R]
        said["valid"] = prefix.validlifetime
    if packet.haslayer(MIP6MH_BE):
        said["list"] = [packet[MIP6MH_BE].status, packet[MIP6MH_BE].ha]
    if packet.haslayer(ICMPv6ParamProblem):
        said["list"] = [packet[ICMPv6ParamProblem].code, packet[ICMPv6ParamProblem].ptr]
    return said


def advertise(interface, request):
    sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    sender.bind((interface, 0))
    sender.send(bytes(
        Ether(src="02:00:00:00:00:09", dst="33:33:00:00:00:01")
        / IPv6(src="fe80::9", dst="ff02::1", hlim=255)
        / ICMPv6ND_RA(H=1, routerlifetime=0)
        / ICMPv6NDOptPrefixInfo(
            prefix="2001:db8:1::9", prefixlen=64, L=1, A=1, R=1, validlifetime=request["valid"], preferredlifetime=request["preferred"])
        / ICMPv6NDOptHAInfo(pref=7, lifetime=1800)))


def ask(listener, sender, request):
    packet, kind = question(request["ask"], request["source"], request["agent"], request["home"])
    sender.sendto(bytes(packet), (packet.dst, 0))
    end = time.monotonic() + PATIENCE
    while (left := end - time.monotonic()) > 0:
        if not select.select([listener], [], [], left)[0]:
            break
        data, address = listener.recvfrom(2048)
        answer = IPv6(data)
        if address[2] != socket.PACKET_OUTGOING and answer.src == request["agent"] and answer.haslayer(kind):
            return describe(answer)
    return None


def main(interface):
    listener = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_IPV6))
    listener.bind((interface, ETH_P_IPV6))
    sender = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)
    print("ready", flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        if request["ask"] == "advertise":
            advertise(interface, request)
            print(json.dumps({"answer": None}), flush=True)
        else:
            print(json.dumps({"answer": ask(listener, sender, request)}), flush=True)


main(sys.argv[1])
