namespace Kagemusha.Lab.Tests;

/// <summary>Something that breaks on the host of a guest that is away, or at its home agent.</summary>
/// <param name="What">What breaks, for the table.</param>
/// <param name="IsCutOff">Whether nobody reaches the guest then.</param>
/// <param name="Check">Which of doctor's checks names it; null where the agent mends it at once.</param>
/// <param name="Says">Words of that line.</param>
/// <param name="Mend">How it is mended, for the table; by <c>recover</c> alone where <paramref name="Repair"/> is null.</param>
/// <param name="Break">Breaks it.</param>
/// <param name="Repair">Does what doctor advises, before <c>recover</c>.</param>
internal sealed record Breakage(string What, bool IsCutOff, string? Check, string Says, string Mend, Action<Lab> Break, Action<Lab>? Repair = null)
{
    private const string Hook = "/etc/libvirt/hooks/qemu.d/kagemusha";
    private const string Pki = "/etc/pki/libvirt";
    private const string StrayState = "/var/lib/kagemusha/c0ffee00-0000-4000-8000-5254000000ff.json";

    // What the lines of the shell use.
    private const string Names = """
        tunnel=$(ip -o link show | sed -n 's/^[0-9]*: \(kgha[^@:]*\).*/\1/p')
        tap=kg525400000010
        home=2001:db8:1:0:5054:ff:fe00:10
        table=6275

        """;

    /// <summary>All that is tried, in the order of the table.</summary>
    public static IReadOnlyList<Breakage> All { get; } =
    [
        InKernel("the route of its packets to its home agent is deleted", true, "ip -6 route", "ip -6 route flush table $table dev $tunnel"),
        InKernel("the route of what is for it to its tap is deleted", true, "ip -6 route", "ip -6 route del $home table $table"),
        OnLink("the tunnel to its home agent is down", "ip link set $tunnel down"),
        OnLink("the tunnel to its home agent is deleted", "ip link delete $tunnel"),
        OnLink("the guests' VRF is down", "ip link set kgvrf down"),
        OnLink("the guests' VRF is deleted", "ip link delete kgvrf"),
        OnLink("its tap is taken out of the VRF", "ip link set $tap nomaster"),
        OnLink("its router's address is taken from its tap", "ip -6 address flush dev $tap"),
        InKernel("the host forgets its link-layer address", true, "neigh", "ip -6 neighbour del $home dev $tap"),
        InKernel("what keeps it from other addresses than its own is deleted", false, "tc ", "tc qdisc del dev $tap clsact"),
        InKernel("the host does not forward any more", true, "forwarding", "sysctl -qw net.ipv6.conf.all.forwarding=0"),
        new(
            "its home agent has been started anew and knows of no binding", true, "home address", "no echo comes back from the home agent", "`recover`",
            lab =>
            {
                lab.Home.EraseHomeAgent();
                lab.Home.StartHomeAgent();
            }),
        OnHost(
            "the host has lost its default route", true, "home agent", "no route", "the route is set, `recover`",
            "ip -6 route show default >/run/default; ip -6 route del default", "ip -6 route add $(cat /run/default)"),
        OnHost(
            "the uplink takes packets of 1280 bytes only", false, "home agent", "MTU 1280", "the MTU is raised, `recover`",
            "ip link set wan mtu 1280", "ip link set wan mtu 1500"),
        OnHost(
            "there is a second copy of the hook", false, "hook", "is a second copy", "it is removed, `recover`",
            $"cp -p {Hook} {Hook}.old", $"rm {Hook}.old"),
        OnHost("the hook is not executable", false, "hook", "is not executable", "`chmod 755`, `recover`", $"chmod 644 {Hook}", $"chmod 755 {Hook}"),
        OnHost("the hook is gone", false, "hook", "is not there", "it is installed, `recover`", $"mv {Hook} /run/hook", $"mv /run/hook {Hook}"),
        OnHost(
            "the certificate has ended", false, "certificate", "has ended on", "a new one is made, `recover`",
            $"""
            cp -p {Pki}/servercert.pem /run/servercert.pem
            openssl req -new -key {Pki}/private/serverkey.pem -subj "/O=Kagemusha lab/CN=hv-b" |
              openssl x509 -req -CA "$LAB_REPOSITORY/.lab/pki/cacert.pem" -CAkey "$LAB_REPOSITORY/.lab/pki/cakey.pem" -days 0 -out {Pki}/servercert.pem 2>/dev/null
            """,
            $"cp -p /run/servercert.pem {Pki}/servercert.pem"),
        OnHost(
            "the certificate is gone", false, "certificate", "is not there", "a new one is made, `recover`",
            $"mv {Pki}/clientcert.pem /run", $"mv /run/clientcert.pem {Pki}"),
        OnHost(
            "others may read the key", false, "certificate", "is not secret", "`chmod 600`, `recover`",
            $"chmod 644 {Pki}/private/serverkey.pem", $"chmod 600 {Pki}/private/serverkey.pem"),
        new(
            "the agent is dead", false, "agent", "kagemushad is not running", "it is started, `recover`",
            lab => lab.B.KillAgent(), lab => lab.B.StartAgent()),
        new(
            "libvirtd is dead", false, "libvirt", "does not answer", "it is started, `recover`",
            lab => lab.B.KillLibvirtd(), lab => lab.B.StartLibvirtd()),
        OnHost(
            "there is a link with a name of ours that nobody needs", false, "leftovers", "kgold", "it is deleted, `recover`",
            "ip link add kgold type dummy", "ip link delete kgold"),
        OnHost(
            "there is a state file of a VM that libvirt does not know", false, "leftovers", StrayState, "it is removed, `recover`",
            $"cp /var/lib/kagemusha/*000010.json {StrayState}", $"rm {StrayState}"),
    ];

    public override string ToString() => What;

    private static Breakage InKernel(string what, bool isCutOff, string says, string lines) =>
        OnHost(what, isCutOff, "data path", says, "`recover`", lines, repair: null);

    /// <summary>The agent hears of what becomes of links and their addresses.</summary>
    private static Breakage OnLink(string what, string lines) =>
        new(what, IsCutOff: false, Check: null, Says: "-", "the agent, at once", lab => lab.B.Shell(Names + lines));

    private static Breakage OnHost(string what, bool isCutOff, string check, string says, string mend, string lines, string? repair) =>
        new(what, isCutOff, check, says, mend, lab => lab.B.Shell(Names + lines), repair is null ? null : lab => lab.B.Shell(repair));
}
