namespace Kagemusha.Linux;

/// <summary>Constants of the kernel's headers, by the kernel's names.</summary>
internal static class Netlink
{
    // linux/netlink.h
    public const int NETLINK_ROUTE = 0;
    public const int NETLINK_CAP_ACK = 10;
    public const int NETLINK_EXT_ACK = 11;
    public const int NETLINK_GET_STRICT_CHK = 12;
    public const ushort NLMSG_ERROR = 2;
    public const ushort NLMSG_DONE = 3;
    public const ushort NLM_F_REQUEST = 0x1;
    public const ushort NLM_F_ACK = 0x4;
    public const ushort NLM_F_DUMP_INTR = 0x10;
    public const ushort NLM_F_DUMP = 0x300;
    public const ushort NLM_F_REPLACE = 0x100;
    public const ushort NLM_F_EXCL = 0x200;
    public const ushort NLM_F_CREATE = 0x400;
    public const ushort NLM_F_ACK_TLVS = 0x200;
    public const ushort NLA_F_NESTED = 0x8000;
    public const ushort NLA_TYPE_MASK = 0x3fff;
    public const ushort NLMSGERR_ATTR_MSG = 1;
    public const ushort NLMSGERR_ATTR_OFFS = 2;

    // linux/rtnetlink.h
    public const ushort RTM_NEWLINK = 16;
    public const ushort RTM_DELLINK = 17;
    public const ushort RTM_GETLINK = 18;
    public const ushort RTM_NEWADDR = 20;
    public const ushort RTM_DELADDR = 21;
    public const ushort RTM_GETADDR = 22;
    public const ushort RTM_NEWROUTE = 24;
    public const ushort RTM_DELROUTE = 25;
    public const ushort RTM_GETROUTE = 26;
    public const ushort RTM_NEWNEIGH = 28;
    public const ushort RTM_DELNEIGH = 29;
    public const ushort RTM_GETNEIGH = 30;
    public const ushort RTM_NEWRULE = 32;
    public const ushort RTM_DELRULE = 33;
    public const ushort RTM_GETRULE = 34;
    public const ushort RTM_NEWQDISC = 36;
    public const ushort RTM_DELQDISC = 37;
    public const ushort RTM_GETQDISC = 38;
    public const ushort RTM_NEWTFILTER = 44;
    public const ushort RTM_DELTFILTER = 45;
    public const ushort RTM_GETTFILTER = 46;
    public const uint RTMGRP_LINK = 0x1;
    public const uint RTMGRP_TC = 0x8;
    public const uint RTMGRP_IPV6_IFADDR = 0x100;
    public const uint RTMGRP_IPV6_ROUTE = 0x400;
    public const byte RTN_UNICAST = 1;
    public const byte RTN_LOCAL = 2;
    public const byte RTN_UNREACHABLE = 7;
    public const byte RTN_THROW = 9;
    public const ushort RTA_DST = 1;
    public const ushort RTA_SRC = 2;
    public const ushort RTA_OIF = 4;
    public const ushort RTA_GATEWAY = 5;
    public const ushort RTA_PRIORITY = 6;
    public const ushort RTA_PREFSRC = 7;
    public const ushort RTA_METRICS = 8;
    public const ushort RTA_TABLE = 15;
    public const ushort RTAX_MTU = 2;

    // linux/if_link.h, linux/if_tunnel.h, linux/ip6_tunnel.h
    public const ushort IFLA_ADDRESS = 1;
    public const ushort IFLA_IFNAME = 3;
    public const ushort IFLA_MTU = 4;
    public const ushort IFLA_LINK = 5;
    public const ushort IFLA_MASTER = 10;
    public const ushort IFLA_TXQLEN = 13;
    public const ushort IFLA_STATS64 = 23;
    public const ushort IFLA_LINKINFO = 18;
    public const ushort IFLA_AF_SPEC = 26;
    public const ushort IFLA_GROUP = 27;
    public const ushort IFLA_LINK_NETNSID = 37;
    public const ushort IFLA_INFO_KIND = 1;
    public const ushort IFLA_INFO_DATA = 2;
    public const ushort IFLA_INFO_SLAVE_KIND = 4;
    public const ushort IFLA_INFO_SLAVE_DATA = 5;
    public const ushort IFLA_BRPORT_LEARNING = 8;
    public const ushort IFLA_BRPORT_UNICAST_FLOOD = 9;
    public const ushort IFLA_BRPORT_MCAST_FLOOD = 27;
    public const ushort IFLA_BRPORT_BCAST_FLOOD = 30;
    public const ushort VETH_INFO_PEER = 1;
    public const ushort IFLA_INET6_ADDR_GEN_MODE = 8;
    public const byte IN6_ADDR_GEN_MODE_NONE = 1;
    public const ushort IFLA_VRF_TABLE = 1;
    public const ushort IFLA_IPTUN_LINK = 1;
    public const ushort IFLA_IPTUN_LOCAL = 2;
    public const ushort IFLA_IPTUN_REMOTE = 3;
    public const ushort IFLA_IPTUN_TTL = 4;
    public const ushort IFLA_IPTUN_FLAGS = 8;
    public const ushort IFLA_IPTUN_PROTO = 9;
    public const uint IP6_TNL_F_IGN_ENCAP_LIMIT = 0x1;
    public const uint IFF_UP = 0x1;
    public const uint IFF_LOWER_UP = 0x10000;

    // linux/if_addr.h
    public const ushort IFA_ADDRESS = 1;
    public const ushort IFA_LOCAL = 2;
    public const ushort IFA_CACHEINFO = 6;
    public const ushort IFA_FLAGS = 8;
    public const uint IFA_F_NODAD = 0x02;
    public const uint IFA_F_DADFAILED = 0x08;
    public const uint IFA_F_TENTATIVE = 0x40;

    // linux/neighbour.h
    public const ushort NDA_DST = 1;
    public const ushort NDA_LLADDR = 2;
    public const ushort NDA_VLAN = 5;
    public const ushort NDA_MASTER = 9;
    public const ushort NDA_PROTOCOL = 12;
    public const ushort NUD_PERMANENT = 0x80;
    public const ushort NUD_REACHABLE = 0x02;
    public const ushort NUD_NOARP = 0x40;
    public const byte NTF_MASTER = 0x04;
    public const byte NTF_PROXY = 0x08;
    public const byte NTF_STICKY = 0x40;

    // linux/fib_rules.h
    public const ushort FRA_DST = 1;
    public const ushort FRA_SRC = 2;
    public const ushort FRA_IIFNAME = 3;
    public const ushort FRA_PRIORITY = 6;
    public const ushort FRA_TABLE = 15;
    public const ushort FRA_PROTOCOL = 21;
    public const byte FR_ACT_TO_TBL = 1;

    // linux/pkt_sched.h, linux/pkt_cls.h, linux/tc_act/tc_gact.h
    public const ushort TCA_KIND = 1;
    public const ushort TCA_OPTIONS = 2;
    public const uint TC_H_CLSACT = 0xfffffff1;
    public const uint TC_H_CLSACT_HANDLE = 0xffff0000;
    public const uint TC_H_CLSACT_INGRESS = 0xfffffff2;
    public const uint TC_H_CLSACT_EGRESS = 0xfffffff3;
    public const ushort TCA_ACT_KIND = 1;
    public const ushort TCA_ACT_OPTIONS = 2;
    public const ushort TCA_ACT_COOKIE = 6;
    public const ushort TCA_GACT_PARMS = 2;
    public const ushort TCA_MIRRED_PARMS = 2;
    public const ushort TCA_SKBEDIT_PARMS = 2;
    public const ushort TCA_SKBEDIT_PTYPE = 7;
    public const ushort TCA_SKBMOD_PARMS = 2;
    public const ushort TCA_SKBMOD_DMAC = 3;
    public const ulong SKBMOD_F_DMAC = 1;
    public const int TCA_EGRESS_REDIR = 1;
    public const int TCA_EGRESS_MIRROR = 2;
    public const int TC_ACT_OK = 0;
    public const int TC_ACT_SHOT = 2;
    public const int TC_ACT_PIPE = 3;
    public const int TC_ACT_STOLEN = 4;
    public const ushort TCA_FLOWER_ACT = 3;
    public const ushort TCA_FLOWER_KEY_ETH_DST = 4;
    public const ushort TCA_FLOWER_KEY_ETH_DST_MASK = 5;
    public const ushort TCA_FLOWER_KEY_ETH_TYPE = 8;
    public const ushort TCA_FLOWER_KEY_IP_PROTO = 9;
    public const ushort TCA_FLOWER_KEY_IPV6_SRC = 14;
    public const ushort TCA_FLOWER_KEY_IPV6_SRC_MASK = 15;
    public const ushort TCA_FLOWER_KEY_IPV6_DST = 16;
    public const ushort TCA_FLOWER_KEY_IPV6_DST_MASK = 17;
    public const ushort TCA_U32_SEL = 5;
    public const ushort TCA_U32_ACT = 7;
    public const byte TC_U32_TERMINAL = 1;

    // linux/if_ether.h, linux/in.h, linux/socket.h
    public const ushort PACKET_HOST = 0;
    public const ushort ETH_P_ALL = 0x0003;
    public const ushort ETH_P_IPV6 = 0x86dd;
    public const byte AF_BRIDGE_BYTE = 7;
    public const byte AF_INET6_BYTE = 10;
    public const byte IPPROTO_IPV6_BYTE = 41;
}
