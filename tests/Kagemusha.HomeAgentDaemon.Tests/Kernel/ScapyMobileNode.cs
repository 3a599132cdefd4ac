using System.Text.Json;

namespace Kagemusha.HomeAgentDaemon.Tests.Kernel;

/// <summary>A mobile node's signalling, by another implementation than ours: mobile-node.py.</summary>
internal sealed class ScapyMobileNode
{
    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    private readonly HomeNetwork _network;
    private readonly Command _script;

    private ScapyMobileNode(HomeNetwork network, Command script) => (_network, _script) = (network, script);

    /// <summary>Starts it in a box, on an interface.</summary>
    public static async Task<ScapyMobileNode> StartAsync(HomeNetwork network, string box, string link)
    {
        // Debian's own Python, which has Debian's scapy.
        var script = network.Start(box, "/usr/bin/python3", Path.Combine(AppContext.BaseDirectory, "Kernel/mobile-node.py"), link);
        await script.LineAsync("ready");
        return new(network, script);
    }

    /// <summary>Sends a Binding Update and waits for the answer.</summary>
    /// <param name="homeAddress">The home address.</param>
    /// <param name="careOfAddress">The source; null to send from home.</param>
    /// <param name="sequence">The sequence number.</param>
    /// <param name="lifetime">In units of 4 s.</param>
    /// <param name="flags">The flags' letters (RFC 6275, section 6.1.7; RFC 3963: R).</param>
    public async Task<Answer> UpdateAsync(string homeAddress, string? careOfAddress, int sequence, int lifetime, string flags = "AH")
    {
        await _script.WriteLineAsync(JsonSerializer.Serialize(new
        {
            home = homeAddress,
            agent = _network.HomeAgentAddress,
            source = careOfAddress,
            sequence,
            lifetime,
            flags,
        }));
        var answer = JsonDocument.Parse(await _script.LineAsync("acknowledgement")).RootElement;
        return new(
            answer.GetProperty("acknowledgement").Deserialize<Acknowledgement>(Json),
            answer.GetProperty("parameter_problems").GetInt32(),
            answer.GetProperty("seconds").GetDouble());
    }

    /// <summary>What came back.</summary>
    internal sealed record Answer(Acknowledgement? Acknowledgement, int ParameterProblems, double Seconds);

    /// <summary>A Binding Acknowledgement as scapy reads it.</summary>
    internal sealed record Acknowledgement(
        int Status,
        int Sequence,
        int Lifetime,
        string Destination,
        int? RoutingType,
        string? RoutingAddress,
        bool ChecksumIsRight);
}
