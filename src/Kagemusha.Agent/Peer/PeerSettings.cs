using Kagemusha.Wire;

namespace Kagemusha.Agent;

/// <summary>What becomes of a migration to this host when the source's agent does not hand the guest over.</summary>
internal enum SourceAgentPolicy
{
    /// <summary>It is refused, and the guest goes on at the source.</summary>
    Required,

    /// <summary>It goes on from what the metadata says.</summary>
    Optional,
}

/// <summary>The channel between agents, as the administrator has set it.</summary>
internal sealed record PeerSettings
{
    private const string LibvirtPki = "/etc/pki/libvirt";

    /// <summary>The address to be reached at, or null for the source address of the route to a guest's home agent.</summary>
    public Ipv6Address? Address { get; init; }

    /// <summary>The TCP port to listen on.</summary>
    public ushort Port { get; init; } = 6275;

    public SourceAgentPolicy SourceAgent { get; init; } = SourceAgentPolicy.Required;

    /// <summary>The only certificates that a peer's may come from.</summary>
    public string Authority { get; init; } = "/etc/pki/CA/cacert.pem";

    public string ServerCertificate { get; init; } = $"{LibvirtPki}/servercert.pem";

    public string ServerKey { get; init; } = $"{LibvirtPki}/private/serverkey.pem";

    public string ClientCertificate { get; init; } = $"{LibvirtPki}/clientcert.pem";

    public string ClientKey { get; init; } = $"{LibvirtPki}/private/clientkey.pem";

    /// <exception cref="ConfigurationException">A value makes no sense.</exception>
    public static PeerSettings Read(ConfigurationFile file)
    {
        var settings = new PeerSettings();
        settings = new()
        {
            Address = file.Address("peer_address"),
            Port = (ushort)(file.Number("peer_port", 1, ushort.MaxValue) ?? settings.Port),
            SourceAgent = file.Text("source_agent") switch
            {
                null => settings.SourceAgent,
                "required" => SourceAgentPolicy.Required,
                "optional" => SourceAgentPolicy.Optional,
                var other => throw file.Error("source_agent", $"'{other}' is neither \"required\" nor \"optional\""),
            },
            Authority = file.Text("peer_ca") ?? settings.Authority,
            ServerCertificate = file.Text("peer_server_certificate") ?? settings.ServerCertificate,
            ServerKey = file.Text("peer_server_key") ?? settings.ServerKey,
            ClientCertificate = file.Text("peer_client_certificate") ?? settings.ClientCertificate,
            ClientKey = file.Text("peer_client_key") ?? settings.ClientKey,
        };
        return settings.Address is { IsRoutableUnicast: false }
            ? throw file.Error("peer_address", $"{settings.Address} is no address that another host could reach")
            : settings;
    }
}
