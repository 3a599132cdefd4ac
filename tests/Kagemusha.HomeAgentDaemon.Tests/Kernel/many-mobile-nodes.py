#!/usr/bin/python3
"""Many mobile nodes, by raw sockets and bytes: scapy would take longer for a packet than the home agent.

usage: many-mobile-nodes.py INTERFACE AGENT [MAC]

Mobile node i has the home address 2001:db8:1::1:i and, as the hundred from i - i % 100 on, the care-of address 2001:db8:f4:1::(i / 100 + 1). Each line on
standard input is a JSON object, answered by one of what was seen:

  {"update": [FIRST, COUNT], "sequence": N, "lifetime": UNITS, "window": AT_ONCE}   a Binding Update of each, again after five seconds without an answer
  {"packets": COUNT, "nodes": NODES}                                              frames by INTERFACE to MAC, for all of these nodes in turn
"""
import ipaddress
import json
import random
import select
import socket
import struct
import sys
import time

ETH_P_IPV6 = 0x86DD
SO_RCVBUFFORCE = 33
MOBILITY, DESTINATION_OPTIONS, ROUTING, NOTHING = 135, 60, 43, 59
PATIENCE = 5
HOME = int(ipaddress.IPv6Address("2001:db8:1::1:0"))
CARE_OF = int(ipaddress.IPv6Address("2001:db8:f4:1::1"))
CORRESPONDENT = ipaddress.IPv6Address("2001:db8:f9::1").packed


def home(node):
    return (HOME + node).to_bytes(16, "big")


def care_of(node):
    return (CARE_OF + node // 100).to_bytes(16, "big")


def ipv6(source, destination, next_header, payload):
    return struct.pack("!IHBB", 6 << 28, len(payload), next_header, 64) + source + destination + payload


def checksum(source, destination, message):
    data = source + destination + struct.pack("!II", len(message), MOBILITY) + message
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def update(node, agent, sequence, lifetime):
    """RFC 6275, sections 6.1.7, 6.2.5 and 6.3; flags A and H."""
    begin = struct.pack("!BBBB", NOTHING, 3, 5, 0)
    rest = struct.pack("!HHH", sequence, 0xC000, lifetime) + b"\1\0" + b"\3\x10" + care_of(node)
    check = checksum(home(node), agent, begin + b"\0\0" + rest)
    options = struct.pack("!BB", MOBILITY, 2) + b"\1\2\0\0" + b"\xc9\x10" + home(node)
    return ipv6(care_of(node), agent, DESTINATION_OPTIONS, options + begin + struct.pack("!H", check) + rest)


def acknowledged(packet, sequence):
    """Which node an acknowledgement is for, and its status; None if it is something else."""
    if len(packet) < 76 or packet[6] != ROUTING or packet[40] != MOBILITY or packet[66] != 6:
        return None
    if struct.unpack_from("!H", packet, 72)[0] != sequence:
        return None
    return int.from_bytes(packet[48:64], "big") - HOME, packet[70]


def register(listener, sender, agent, request):
    first, count = request["update"]
    sequence, lifetime, window = request["sequence"], request["lifetime"], request["window"]
    waiting, repeated, refused, due = {}, 0, 0, iter(range(first, first + count))
    left, following = count, next(due, None)
    address = (str(ipaddress.IPv6Address(agent)), 0)
    begin = time.monotonic()
    while left:
        now = time.monotonic()
        if following is not None and len(waiting) < window:
            sender.sendto(update(following, agent, sequence, lifetime), address)
            waiting[following] = now
            following = next(due, None)
            timeout = 0
        else:
            timeout = 0.1
        if select.select([listener], [], [], timeout)[0]:
            found = acknowledged(listener.recv(2048), sequence)
            if found and waiting.pop(found[0], None) is not None:
                left -= 1
                refused += found[1] >= 128
        elif timeout:
            for node in [node for node, sent in waiting.items() if sent + PATIENCE < now]:
                sender.sendto(update(node, agent, sequence, lifetime), address)
                waiting[node] = now
                repeated += 1
    return {"seconds": time.monotonic() - begin, "repeated": repeated, "refused": refused}


def send(interface, mac, request):
    frames = [
        mac + b"\2\0\0\0\0\xfe" + struct.pack("!H", ETH_P_IPV6) + ipv6(CORRESPONDENT, home(node), NOTHING, bytes(64)) for node in range(request["nodes"])]
    random.Random(1).shuffle(frames)
    sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    sender.bind((interface, 0))
    begin, put = time.monotonic(), sender.send
    for number in range(request["packets"]):
        put(frames[number % len(frames)])
    return {"seconds": time.monotonic() - begin, "repeated": 0, "refused": 0}


def main(interface, agent, mac=None):
    listener = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
    listener.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
    sender = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)
    print("ready", flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        if "update" in request:
            listener.bind((interface, ETH_P_IPV6))
            answer = register(listener, sender, ipaddress.IPv6Address(agent).packed, request)
        else:
            answer = send(interface, bytes.fromhex(mac.replace(":", "")), request)
        print(json.dumps(answer), flush=True)


main(*sys.argv[1:])
