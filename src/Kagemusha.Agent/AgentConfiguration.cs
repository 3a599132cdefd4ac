using Kagemusha.Wire;

namespace Kagemusha.Agent;

/// <summary>What the administrator has set: <c>/etc/kagemusha/kagemushad.toml</c>, every key documented in the shipped file.</summary>
/// <param name="LibvirtUri">The libvirt that runs this host's VMs.</param>
/// <param name="CareOfAddress">The care-of address, or null for the source address of the route to the home agent.</param>
/// <param name="BindingLifetime">The lifetime to ask for.</param>
/// <param name="FirstAcknowledgementTimeout">RFC 6275, section 12: InitialBindackTimeoutFirstReg.</param>
/// <param name="VrfTable">The routing table of the guests' VRF.</param>
internal sealed record AgentConfiguration(
    string LibvirtUri, Ipv6Address? CareOfAddress, TimeSpan BindingLifetime, TimeSpan FirstAcknowledgementTimeout, uint VrfTable)
{
    /// <summary>The channel between agents.</summary>
    public PeerSettings Peer { get; init; } = new();

    public const string Path = "/etc/kagemusha/kagemushad.toml";

    /// <exception cref="ConfigurationException">One line that says file, line, key and what to do.</exception>
    public static AgentConfiguration Read(string path = Path)
    {
        var file = ConfigurationFile.Read(path);
        var configuration = new AgentConfiguration(
            file.Text("libvirt_uri") ?? "qemu:///system",
            file.Address("care_of_address"),
            // The lifetime is 16 bits of 4 seconds (RFC 6275, section 6.1.7).
            TimeSpan.FromSeconds(file.Number("binding_lifetime_s", 60, 262_140) ?? 600),
            TimeSpan.FromMilliseconds(file.Number("first_acknowledgement_timeout_ms", 100, 32_000) ?? 1500),
            (uint)(file.Number("vrf_table", 256, int.MaxValue) ?? 6275))
        {
            Peer = PeerSettings.Read(file),
        };
        if (configuration.CareOfAddress is { IsRoutableUnicast: false })
        {
            throw file.Error("care_of_address", $"{configuration.CareOfAddress} is no address that a home agent could reach");
        }

        file.RefuseTheRest();
        return configuration;
    }
}
