using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Kagemusha.Wire;

namespace Kagemusha.Control.Tests;

public sealed class ControlSocketTests : IDisposable
{
    private static readonly string NotRunning =
        $"kagemushad is not running on {Environment.MachineName}; start it there with 'systemctl start kagemushad'";

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("kagemusha-control");

    private string Path => System.IO.Path.Combine(_directory.FullName, "run", "control.sock");

    public static TheoryData<ControlRequest, ControlReply> Exchanges => new()
    {
        { new HookCall("-vm1", "migrate", "begin", "-", Domains.Xml()), new HookReply() },
        { new HookCall("vm", "migrate", "begin", "-", Domains.Xml()), new HookReply(Xml: "<domain/>") },
        { new HookCall("vm", "started", "begin", "", ""), new HookReply(Error: "no route to the home agent") },
        {
            new EnrollRequest("vm", [Ipv6Address.Parse("2001:db8::1")], Ipv6Address.Parse("2001:db8::2"), Domains.Mac),
            new Done(["enrolled", "the filter 'clean-traffic' is not enforced away"])
        },
        { new EnrollRequest("vm", [], null, null), new Failed(ExitCode.Refused, "refused") },
        { new UnenrollRequest("é<>&\"\\", Domains.Mac), new Failed(ExitCode.NotFound, "no such domain") },
        { new RecoverRequest("vm"), new Done([]) },
        { new RecoverRequest("vm", RecoverAs.Release, DryRun: true), new Failed(ExitCode.Refused, "vm runs here") },
        {
            new RecoverRequest(null),
            new RecoverReply([new(["vm: nothing is wrong"], ExitCode.Done, null), new([], ExitCode.Failed, "it does not answer")])
        },
        {
            new StatusRequest(null),
            new StatusReply([
                new("vm", Guid.Parse("c0ffee00-0000-4000-8000-000000000001"), "running", Domains.Mac, Ipv6Address.Parse("2001:db8::1"),
                    Ipv6Address.Parse("2001:db8:b::1"), Ipv6Address.Parse("2001:db8::2"), "registered", 540, DataPath.HomeAgentTunnel, [], HomeAddressOrigin.Given,
                    [Ipv6Address.Parse("2001:db8::4")]),
                new("-vm1", Guid.Empty, "paused", Domains.Mac, Ipv6Address.Parse("2001:db8::3"), null, Ipv6Address.Parse("2001:db8::2"),
                    "none", null, DataPath.None, ["the tunnel is not ours"], HomeAddressOrigin.Learnt, []),
                new("new", Guid.Empty, "running", Domains.Mac, null, null, Ipv6Address.Parse("2001:db8::2"), "none", null, DataPath.None, [], null, []),
            ])
        },
        { new StatusRequest("vm"), new StatusReply([]) },
        { new HistoryRequest(null), new HistoryReply([]) },
        {
            new DoctorRequest(),
            new DoctorReply("0.1.0", [Finding.Ok("kernel", "all of it"), Finding.Warning("leftovers", "kgold", "remove it"), Finding.Unknown("é", "<>&\"\\"), Finding.Error("VM", "", "")])
        },
        {
            new HistoryRequest("vm"),
            new HistoryReply([
                new("vm", Guid.Empty, MoveRole.Destination, "hv-a", null, MoveKind.Postcopy, DateTimeOffset.UnixEpoch, MoveOutcome.UnderWay,
                    [new(MoveStep.FirstPacketIn, DateTimeOffset.UnixEpoch.AddTicks(1), "by the hand-over tunnel")], new(1, 2, 3, 4, 5)),
            ])
        },
    };

    [Theory]
    [MemberData(nameof(Exchanges))]
    public async Task Every_request_and_reply_arrives_as_it_was_sent(ControlRequest request, ControlReply reply)
    {
        ControlRequest? received = null;
        await using var agent = Start(asked =>
        {
            received = asked;
            return reply;
        });

        var answer = await ControlClient.CallAsync(Path, request, Deadline);

        // As JSON: lists inside records are compared by reference.
        Assert.Equal(request.GetType(), received!.GetType());
        Assert.Equal(
            JsonSerializer.Serialize(request, ControlJson.Default.ControlRequest),
            JsonSerializer.Serialize(received, ControlJson.Default.ControlRequest));
        Assert.Equal(reply.GetType(), answer.GetType());
        Assert.Equal(
            JsonSerializer.Serialize(reply, ControlJson.Default.ControlReply),
            JsonSerializer.Serialize(answer, ControlJson.Default.ControlReply));
    }

    [Fact]
    public async Task Calls_are_answered_side_by_side()
    {
        var first = new TaskCompletionSource();
        await using var agent = new FakeAgent(Path, async request =>
        {
            if (request is RecoverRequest)
            {
                await first.Task;
            }
            else
            {
                first.SetResult();
            }

            return new Done([]);
        });

        var waits = ControlClient.CallAsync(Path, new RecoverRequest("vm"), Deadline);
        await ControlClient.CallAsync(Path, new StatusRequest(null), Deadline);

        Assert.IsType<Done>(await waits);
    }

    [Fact]
    public async Task Without_an_agent_the_error_says_how_to_start_it()
    {
        await AssertUnreachable(NotRunning);

        // A socket's file that a dead agent left behind.
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(Path)!);
        using (var dead = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            dead.Bind(new UnixDomainSocketEndPoint(Path));
        }

        await AssertUnreachable(NotRunning);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-100)]
    public async Task Without_any_time_left_the_agent_is_not_asked(int milliseconds)
    {
        var asked = 0;
        await using var agent = Start(_ =>
        {
            asked++;
            return new Done([]);
        });

        var error = await Assert.ThrowsAsync<ControlException>(
            () => ControlClient.CallAsync(Path, new RecoverRequest("vm"), TimeSpan.FromMilliseconds(milliseconds)));

        Assert.Equal(ExitCode.AgentUnreachable, error.ExitCode);
        Assert.Equal($"kagemushad on {Environment.MachineName} was not asked: the time for it was over before; this host is too busy", error.Message);
        Assert.Equal(0, asked);
    }

    [Fact]
    public async Task A_dead_agent_s_socket_is_taken_over()
    {
        new ControlServer(Path).Dispose();
        await File.WriteAllTextAsync(Path, "", TestContext.Current.CancellationToken);
        await using var agent = Start(_ => new Done([]));

        Assert.IsType<Done>(await ControlClient.CallAsync(Path, new RecoverRequest("vm"), Deadline));
    }

    [Fact]
    public async Task A_second_agent_is_refused_and_the_first_goes_on()
    {
        await using var agent = Start(_ => new Done([]));

        var error = Assert.Throws<ControlException>(() => new ControlServer(Path));

        Assert.Equal(ExitCode.Refused, error.ExitCode);
        Assert.Equal($"another kagemushad serves {Path} on this host", error.Message);
        Assert.IsType<Done>(await ControlClient.CallAsync(Path, new RecoverRequest("vm"), Deadline));
    }

    [Fact]
    public async Task Neither_owner_nor_group_may_not_connect()
    {
        await using var agent = Start(_ => new Done([]));
        Assert.Equal(
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite, File.GetUnixFileMode(Path));
        var (exitCode, output) = await AskAs("nobody", "nogroup", new StatusRequest(null));

        Assert.NotEqual(0, exitCode);
        Assert.Contains("Permission denied", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_member_of_the_group_may_ask_and_change_nothing()
    {
        var asked = new ConcurrentQueue<ControlRequest>();
        await using var agent = Start(request =>
        {
            asked.Enqueue(request);
            return new StatusReply([]);
        });

        Assert.Contains("\"status\"", (await AskAs("nobody", "root", new StatusRequest(null))).Output, StringComparison.Ordinal);
        foreach (var forbidden in Exchanges.Select(row => row.Data.Item1).Where(request => request is not (StatusRequest or HistoryRequest)))
        {
            Assert.Contains("only root may do this", (await AskAs("nobody", "root", forbidden)).Output, StringComparison.Ordinal);
        }

        Assert.IsType<StatusRequest>(Assert.Single(asked));
    }

    [Fact]
    public async Task Too_many_members_of_the_group_are_hung_up_on_and_root_is_served()
    {
        Assert.SkipWhen(!Environment.IsPrivilegedProcess, "needs root, to become somebody else");
        await using var agent = Start(_ => new Done([]));
        _directory.UnixFileMode |= UnixFileMode.GroupExecute;
        using var silent = Process.Start(new ProcessStartInfo(
            "setpriv",
            [
                "--reuid", "nobody", "--regid", "root", "--clear-groups",
                "sh", "-c", $"for i in $(seq {ControlServer.MostReaders + 1}); do socat -u UNIX-CONNECT:{Path} OPEN:/dev/null & done; wait",
            ]))!;

        Assert.Contains(
            $"{ControlServer.MostReaders} others that are not root are served", (await agent.NextErrorAsync()).Message, StringComparison.Ordinal);
        Assert.IsType<Done>(await ControlClient.CallAsync(Path, new RecoverRequest("vm"), Deadline));
        silent.Kill(entireProcessTree: true);
    }

    [Fact]
    public async Task An_agent_that_does_not_answer_costs_the_deadline_and_no_more()
    {
        using var silent = new ControlServer(Path);
        await AssertUnreachable(
            $"kagemushad on {Environment.MachineName} did not answer within 0 s; see 'journalctl -u kagemushad' there",
            TimeSpan.FromMilliseconds(50));
    }

    [Fact]
    public async Task A_handler_that_fails_fails_its_request_only()
    {
        await using var agent = Start(request => request is RecoverRequest ? throw new InvalidOperationException("no") : new Done([]));

        var failed = Assert.IsType<Failed>(await ControlClient.CallAsync(Path, new RecoverRequest("vm"), Deadline));

        Assert.Equal(new Failed(ExitCode.Failed, "kagemushad failed: no"), failed);
        Assert.IsType<InvalidOperationException>(await agent.NextErrorAsync());
        Assert.IsType<Done>(await ControlClient.CallAsync(Path, new UnenrollRequest("vm", null), Deadline));
    }

    [Theory]
    [InlineData(new byte[] { 0, 0, 0, 2, (byte)'{', (byte)'}' })]
    [InlineData(new byte[] { 0, 0, 0, 4, (byte)'n', (byte)'u', (byte)'l', (byte)'l' })]
    [InlineData(new byte[] { 0, 0, 0, 1, 0xff })]
    [InlineData(new byte[] { 0, 0x40, 0, 1 })]
    [InlineData(new byte[] { 0xff, 0xff, 0xff, 0xff })]
    [InlineData(new byte[] { 0, 0 })]
    [InlineData(new byte[0])]
    public async Task Nonsense_is_hung_up_on_and_the_next_call_served(byte[] nonsense)
    {
        await using var agent = Start(_ => new Done([]));
        using (var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(Path), TestContext.Current.CancellationToken);
            await socket.SendAsync(nonsense, TestContext.Current.CancellationToken);
            socket.Shutdown(SocketShutdown.Send);
            Assert.Equal(0, await socket.ReceiveAsync(new byte[1], TestContext.Current.CancellationToken));
        }

        Assert.IsType<Done>(await ControlClient.CallAsync(Path, new UnenrollRequest("vm", null), Deadline));
        await agent.NextErrorAsync();
    }

    [Fact]
    public async Task A_reply_of_another_version_is_told_from_none()
    {
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(Path)!);
        using var agent = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        agent.Bind(new UnixDomainSocketEndPoint(Path));
        agent.Listen();
        var call = AssertUnreachable(
            $"kagemushad on {Environment.MachineName} and this program are not of one version: the message is not of this version");
        using var caller = await agent.AcceptAsync(TestContext.Current.CancellationToken);

        await caller.SendAsync(Encoding.UTF8.GetBytes("\0\0\0\x13{\"reply\":\"greeting\"}"[..23]), TestContext.Current.CancellationToken);

        await call;
    }

    public void Dispose() => _directory.Delete(recursive: true);

    private FakeAgent Start(Func<ControlRequest, ControlReply> handler) => new(Path, request => Task.FromResult(handler(request)));

    private async Task AssertUnreachable(string message, TimeSpan? deadline = null)
    {
        var error = await Assert.ThrowsAsync<ControlException>(
            () => ControlClient.CallAsync(Path, new StatusRequest(null), deadline ?? Deadline));

        Assert.Equal((ExitCode.AgentUnreachable, message), (error.ExitCode, error.Message));
    }

    private async Task<(int ExitCode, string Output)> AskAs(string user, string group, ControlRequest request)
    {
        Assert.SkipWhen(!Environment.IsPrivilegedProcess, "needs root, to become somebody else");
        _directory.UnixFileMode |= UnixFileMode.OtherExecute | UnixFileMode.GroupExecute;
        using var process = Process.Start(new ProcessStartInfo(
            "setpriv",
            ["--reuid", user, "--regid", group, "--clear-groups", "socat", "-t", "20", "-", "UNIX-CONNECT:" + Path])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var body = JsonSerializer.SerializeToUtf8Bytes(request, ControlJson.Default.ControlRequest);
        var length = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(length, body.Length);
        try
        {
            await process.StandardInput.BaseStream.WriteAsync((byte[])[.. length, .. body], TestContext.Current.CancellationToken);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It was not let in and has gone: it says so itself.
        }

        var output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken)
            + await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, output);
    }
}
