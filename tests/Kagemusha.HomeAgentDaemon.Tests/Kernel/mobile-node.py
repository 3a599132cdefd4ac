#!/usr/bin/python3
"""A mobile node's signalling by scapy, so that the home agent is not tested against our own codec.

usage: mobile-node.py INTERFACE

Each line on standard input is a JSON object: home, agent, sequence, lifetime (of 4 s), flags, and source, the care-of address. Without
source the update comes from the home address. For each, a line of JSON: the acknowledgement, or null after three seconds; and how
many parameter problems came meanwhile.
"""
import json
import select
import socket
import sys
import time

from scapy.layers.inet6 import (
    HAO, ICMPv6ParamProblem, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrRouting, MIP6MH_BA, MIP6MH_BU, MIP6OptAltCoA)

ETH_P_IPV6 = 0x86DD
PATIENCE = 3


def update(request):
    home, agent, source = request["home"], request["agent"], request.get("source")
    packet = IPv6(src=source or home, dst=agent)
    if source:
        packet /= IPv6ExtHdrDestOpt(options=[HAO(hoa=home)])
    packet /= MIP6MH_BU(
        seq=request["sequence"], flags=request["flags"], mhtime=request["lifetime"], options=[MIP6OptAltCoA(acoa=source or home)])
    return bytes(packet)


def describe(packet):
    acknowledgement = packet[MIP6MH_BA]
    rebuilt = packet.copy()
    del rebuilt[MIP6MH_BA].cksum
    routing = packet.getlayer(IPv6ExtHdrRouting)
    return {
        "status": acknowledgement.status,
        "sequence": acknowledgement.seq,
        "lifetime": acknowledgement.mhtime,
        "destination": packet.dst,
        "routing_type": routing.type if routing else None,
        "routing_address": routing.addresses[0] if routing else None,
        "checksum_is_right": IPv6(bytes(rebuilt))[MIP6MH_BA].cksum == acknowledgement.cksum,
    }


def main(interface):
    listener = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_IPV6))
    listener.bind((interface, ETH_P_IPV6))
    sender = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)
    print("ready", flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        begin = time.monotonic()
        sender.sendto(update(request), (request["agent"], 0))
        answer, problems = None, 0
        while answer is None and (left := begin + PATIENCE - time.monotonic()) > 0:
            if not select.select([listener], [], [], left)[0]:
                continue
            data, address = listener.recvfrom(2048)
            packet = IPv6(data)
            if address[2] == socket.PACKET_OUTGOING or packet.src != request["agent"]:
                continue
            problems += packet.haslayer(ICMPv6ParamProblem)
            if packet.haslayer(MIP6MH_BA):
                answer = describe(packet)
        print(json.dumps({
            "acknowledgement": answer, "parameter_problems": problems, "seconds": time.monotonic() - begin}), flush=True)


main(sys.argv[1])
