using Kagemusha.Control;

namespace Kagemusha.Agent.Tests;

/// <summary>What becomes of a migration with and without the source's agent.</summary>
public sealed class SourceAgentTests : IDisposable
{
    private readonly PeerRig _rig = new();

    private MobilityProfile Profile => new([_rig.Guest.Links[0].Enrolled]) { Agent = _rig.Ticket };

    public void Dispose() => _rig.Dispose();

    [Theory]
    [InlineData(SourceAgentPolicy.Required)]
    [InlineData(SourceAgentPolicy.Optional)]
    public async Task What_it_hands_over_is_taken(object policy)
    {
        var handOver = await FetchAsync((SourceAgentPolicy)policy, Profile);
        Assert.Equal(320, handOver!.Profile.Interfaces[0].Addresses[0].ReservedThrough);
        Assert.Equal(320, Assert.Single(handOver.Snapshots).Value.ReservedThrough);
    }

    [Fact]
    public async Task Where_it_hands_nothing_over_policy_decides()
    {
        _rig.IsMigrating = false;
        await PolicyDecidesAsync(Profile, $"the agent of hv-a ([::1]:{_rig.Endpoint.Port}) did not hand vm over: it has no migration of this VM under way");
    }

    [Fact]
    public async Task Where_it_cannot_be_reached_policy_decides()
    {
        var nobody = _rig.Ticket with { Endpoint = _rig.Endpoint with { Port = 1 } };
        await PolicyDecidesAsync(Profile with { Agent = nobody }, "the agent of hv-a ([::1]:1) did not hand vm over: no connection: Connection refused; ");
    }

    [Fact]
    public async Task Where_the_metadata_names_none_policy_decides() =>
        await PolicyDecidesAsync(Profile with { Agent = null }, "the agent of the source host did not hand vm over: the metadata names none: start kagemushad there");

    [Fact]
    public async Task Where_this_host_has_no_channel_policy_decides() => await PolicyDecidesAsync(
        Profile,
        $"the agent of hv-a ([::1]:{_rig.Endpoint.Port}) did not hand vm over: {Environment.MachineName} has no channel to other agents: /nowhere is not there; ",
        _rig.Authority.For("hv-b") with { Authority = "/nowhere" });

    [Fact]
    public async Task Where_the_guest_has_gone_on_it_is_said_where()
    {
        _rig.Guest.HandedOver = new(_rig.Ticket.Token, "another's", PeerRig.Destination);
        _rig.Guests.Remove(PeerRig.Uuid);
        _rig.Departures.Add(_rig.Guest);
        await PolicyDecidesAsync(
            Profile, $"the agent of hv-a ([::1]:{_rig.Endpoint.Port}) did not hand vm over: the VM has gone on from there to hv-b ([2001:db8:f4::2]:6275); ");
    }

    private async Task PolicyDecidesAsync(MobilityProfile profile, string why, PeerSettings? settings = null)
    {
        var refused = await Assert.ThrowsAsync<RefusedException>(() => FetchAsync(SourceAgentPolicy.Required, profile, settings));
        Assert.StartsWith(why, refused.Message, StringComparison.Ordinal);
        Assert.EndsWith(
            $"set that right, or source_agent = \"optional\" in /etc/kagemusha/kagemushad.toml on {Environment.MachineName}", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refused.Message);
        Assert.Null(await FetchAsync(SourceAgentPolicy.Optional, profile, settings));
    }

    private async Task<GuestHandOver?> FetchAsync(SourceAgentPolicy policy, MobilityProfile profile, PeerSettings? settings = null)
    {
        using var channel = new PeerChannel(
            (settings ?? _rig.Authority.For("hv-b")) with { Port = 0 },
            _ => PeerRig.Destination.Address,
            (_, _) => throw new InvalidOperationException("nobody calls here"),
            TestLog.Log);
        var domain = DomainXml.Parse($"<domain><name>vm</name><uuid>{PeerRig.Uuid}</uuid></domain>");
        return await new SourceAgent(policy, channel, TestLog.Log).FetchAsync(domain, profile);
    }
}
