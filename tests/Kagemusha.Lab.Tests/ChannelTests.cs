using System.Buffers.Binary;
using System.Xml.Linq;

namespace Kagemusha.Lab.Tests;

/// <summary>What the destination's agent fetches from the source's, and what becomes of a move without it.</summary>
[Trait("Takes", "long")]
public sealed class ChannelTests(Lab lab)
{
    private const string Settings = "/etc/kagemusha/kagemushad.toml";
    private static readonly XNamespace Mobility = "urn:kagemusha:mobility:1";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public void A_move_begins_with_what_the_sources_agent_knows()
    {
        lab.VM.BeAt(lab.A);
        var ticket = Ticket(lab.A);
        Assert.Equal((lab.A.CareOfAddress, "6275", "hv-a"), (ticket.Address, ticket.Port, ticket.Name));

        lab.VM.Move(lab.A, lab.B).Succeed();
        Assert.Contains($"handed over by the agent of hv-a ([{lab.A.CareOfAddress}]:6275): {lab.VM.Address} with numbers through", lab.B.DomainLog(lab.VM.Name), StringComparison.Ordinal);
        Assert.Contains($"handed over to the agent of hv-b ({lab.B.CareOfAddress})", lab.A.DomainLog(lab.VM.Name), StringComparison.Ordinal);
        var next = Ticket(lab.B);
        Assert.Equal((lab.B.CareOfAddress, "hv-b"), (next.Address, next.Name));
        Assert.NotEqual(ticket.Token, next.Token);
    }

    [Fact]
    public void A_host_with_the_token_gets_nothing_while_nothing_moves()
    {
        lab.VM.BeAt(lab.A);
        Assert.Equal(
            """{"reply":"refused","reason":"it has no migration of this VM under way that would allow it: its log says more"}""",
            Ask(lab.C, lab.A, Ticket(lab.A).Token));
        Assert.Contains("hv-c (2001:db8:f5::2) got nothing: it shows vm's token, but libvirt is not sending vm to another host", AgentLog(lab.A), StringComparison.Ordinal);
        Assert.DoesNotContain(Ticket(lab.A).Token, AgentLog(lab.A), StringComparison.Ordinal);
    }

    [Fact]
    public void After_a_move_that_was_aborted_the_next_one_has_another_token()
    {
        lab.VM.BeAt(lab.A);
        var used = Ticket(lab.A).Token;
        using var traffic = new Traffic(lab, lab.VM);
        using var move = new SlowMove(lab.VM, lab.A, lab.B);
        move.Abort();
        Assert.NotEqual(0, move.Finish().ExitCode);

        Wait.Until("the metadata has another token", Patience, () => Ticket(lab.A).Token != used);
        lab.VM.Move(lab.A, lab.C).Succeed();
        lab.C.WaitForBinding(lab.VM.Name, "registered");
        traffic.AssertWhole(lab.A, lab.C);
        Wait.Until("nothing of the guest is left on hv-b", Patience, () => lab.B.Links("kg").Count == 0);
    }

    [Fact]
    public void Without_the_sources_agent_a_move_is_refused_and_the_guest_goes_on()
    {
        lab.VM.BeAt(lab.A);
        lab.A.KillAgent();
        var line = lab.VM.Move(lab.A, lab.B).FailWithOneLine(1);
        lab.A.StartAgent();
        Assert.Contains($"the agent of hv-a ([{lab.A.CareOfAddress}]:6275) did not hand vm over: no connection: Connection refused", line, StringComparison.Ordinal);
        Assert.Contains($"source_agent = \"optional\" in {Settings} on hv-b", line, StringComparison.Ordinal);
        Assert.True(lab.VM.IsRunningOn(lab.A));
        Assert.True(lab.Reaches(lab.VM.Address));
        lab.B.WaitForHandOversToEnd();
        Assert.Empty(lab.B.Links("kg"));
    }

    [Fact]
    public void Where_it_is_optional_a_move_goes_on_from_the_metadata_and_says_so()
    {
        lab.VM.BeAt(lab.A);
        lab.A.KillAgent();
        lab.B.KillAgent();
        lab.B.Shell($"echo 'source_agent = \"optional\"' >>{Settings}");
        try
        {
            lab.B.StartAgent();
            lab.VM.Move(lab.A, lab.B).Succeed();
            lab.VM.WaitUntilReachable();
            Assert.Contains(
                $"goes on from its metadata, without the agent of hv-a ([{lab.A.CareOfAddress}]:6275): no connection", lab.B.DomainLog(lab.VM.Name), StringComparison.Ordinal);
        }
        finally
        {
            lab.B.KillAgent();
            lab.B.Shell($"sed -i '$d' {Settings}");
            lab.Restore();
        }
    }

    private (string Address, string Port, string Name, string Token) Ticket(Hypervisor host)
    {
        var agent = Assert.Single(XElement.Parse(host.Virsh("dumpxml", lab.VM.Name).Succeed().Output).Descendants(Mobility + "agent"));
        return (agent.Attribute("address")!.Value, agent.Attribute("port")!.Value, agent.Attribute("name")!.Value, agent.Attribute("token")!.Value);
    }

    /// <summary>Asks by hand, with the host's own certificate.</summary>
    private string Ask(Hypervisor from, Hypervisor to, string token)
    {
        var request = $$"""
            {"request":"hand-over","version":4,"domain":"{{lab.VM.Uuid}}","token":"{{token}}","destination":{"address":"{{from.CareOfAddress}}","port":6275,"certificate_name":"{{from.Name}}" } }
            """;
        var header = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(header, request.Length);
        var octal = string.Concat(header.Select(octet => $"\\{Convert.ToString(octet, 8).PadLeft(3, '0')}"));
        var reply = from.Shell($"""
            (printf '{octal}'; cat <<'X') | openssl s_client -quiet -connect '[{to.CareOfAddress}]:6275' -cert /etc/pki/libvirt/clientcert.pem \
              -key /etc/pki/libvirt/private/clientkey.pem -CAfile /etc/pki/CA/cacert.pem -verify_return_error -verify_hostname {to.Name} 2>/dev/null | tail -c +5
            {request}
            X
            """);
        return reply.TrimEnd('\n');
    }

    private static string AgentLog(Hypervisor host) => host.Run("cat", "/var/log/kagemusha/kagemushad.log").Succeed().Output;
}
