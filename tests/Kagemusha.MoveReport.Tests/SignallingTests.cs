using Kagemusha.Wire;

namespace Kagemusha.MoveReport.Tests;

public sealed class SignallingTests
{
    private static readonly Ipv6Address CareOf = Ipv6Address.Parse("2001:db8:f4::2");
    private static readonly Ipv6Address HomeAgent = Ipv6Address.Parse("2001:db8:1::1");
    private static readonly Ipv6Address Stranger = Ipv6Address.Parse("2001:db8:1::11");

    private readonly Signalling _signalling = new(CaptureWriter.Guest, HomeAgent);

    /// <summary>Words: a time, what it is, its number; the registration between 100 and 200.</summary>
    public static TheoryData<string, int, bool, long?> Registrations() => new()
    {
        { "", 0, false, null },
        { "110 update 7", 1, false, null },
        { "110 update 7, 130 accepted 7", 1, true, null },
        { "110 update 7, 130 accepted 7, 131 echo 1, 135 reply 1", 1, true, 16 },
        { "110 update 7, 130 accepted 7, 131 echo 1, 161 reply 1", 1, true, 0 }, // the echo was slower
        { "110 update 7, 130 accepted 7, 131 echo 1", 1, true, null }, // and here lost
        { "110 update 7, 130 accepted 7, 131 echo 1, 132 echo 2, 135 reply 2", 1, true, 17 },
        { "105 echo 1, 106 reply 1, 110 update 7, 130 accepted 7", 1, true, null }, // of another time
        { "110 update 7, 120 update 8, 130 accepted 8, 131 echo 1, 135 reply 1", 2, true, 6 }, // lost and repeated
        { "110 update 7, 120 update 8, 130 accepted 7, 131 echo 1, 135 reply 1", 2, true, 16 }, // after duplicate address detection
        { "110 update 7, 120 update 8, 130 accepted 7, 131 accepted 8, 132 echo 1, 135 reply 1", 2, true, 17 },
        { "110 update 7, 120 refused 7, 121 update 9, 130 accepted 9", 2, true, null },
        { "110 update 65535, 120 update 0, 130 accepted 0", 2, true, null },
        { "110 update 7, 111 update 7, 130 accepted 7, 131 accepted 7, 132 echo 1, 135 reply 1", 1, true, 17 }, // on another interface too
        { "110 update 7, 130 accepted 7, 150 update 8, 160 accepted 8", 1, true, null }, // a refresh
        { "99 update 6, 110 update 7, 130 accepted 7", 1, true, null }, // an earlier move's
        { "110 update 7, 200 accepted 7", 1, false, null }, // too late for this move
        { "110 stranger 7, 130 accepted 7", 0, false, null },
        { "110 update 7, 120 incoming 8, 130 accepted 7", 1, true, null },
        { "110 returned 7, 130 accepted-at-home 7, 131 echo 1, 135 reply 1", 1, true, 16 }, // from the home link
    };

    [Theory]
    [MemberData(nameof(Registrations))]
    public void A_registration_is_its_updates_up_to_the_one_accepted(string packets, int updates, bool isAccepted, long? processing)
    {
        foreach (var words in packets.Split(", ", StringSplitOptions.RemoveEmptyEntries).Select(packet => packet.Split(' ')))
        {
            var number = ushort.Parse(words[2], null);
            var (outgoing, packet) = words[1] switch
            {
                "update" => (true, CaptureWriter.Update(CareOf, HomeAgent, number)),
                "incoming" => (false, CaptureWriter.Update(CareOf, HomeAgent, number)),
                "stranger" => (true, CaptureWriter.Update(CareOf, HomeAgent, number, Stranger)),
                "returned" => (true, Plain(CaptureWriter.Guest, HomeAgent,
                    new BindingUpdate(number, BindingUpdateFlags.Acknowledge | BindingUpdateFlags.HomeRegistration, 0, []))),
                "accepted" => (false, CaptureWriter.Acknowledgement(HomeAgent, CareOf, BindingStatus.Accepted, number)),
                "accepted-at-home" => (false, Plain(HomeAgent, CaptureWriter.Guest,
                    new BindingAcknowledgement(BindingStatus.Accepted, default, number, 0, []))),
                "refused" => (false, CaptureWriter.Acknowledgement(HomeAgent, CareOf, BindingStatus.SequenceNumberOutOfWindow, number)),
                "echo" => (true, CaptureWriter.Echo(128, CareOf, HomeAgent, number)),
                _ => (false, CaptureWriter.Echo(129, HomeAgent, CareOf, number)),
            };
            _signalling.Add(new(long.Parse(words[0], null), CaptureWriter.On(2, outgoing, packet)));
        }

        Assert.Equal(new(updates, isAccepted, processing), _signalling.Between(100, 200));

        static byte[] Plain(Ipv6Address source, Ipv6Address destination, MobilityMessage message) =>
            new MobilityPacket(source, destination, null, null, message).ToArray();
    }

    [Fact]
    public void Shorter_packets_are_none()
    {
        foreach (var packet in new[] { CaptureWriter.Update(CareOf, HomeAgent, 7), CaptureWriter.Echo(128, CareOf, HomeAgent, 1) })
        {
            var data = CaptureWriter.On(2, outgoing: true, packet);
            for (var length = 0; length < data.Length; length++)
            {
                _signalling.Add(new(110, data.AsMemory(0, length)));
            }
        }

        Assert.Equal(default, _signalling.Between(100, 200));
    }
}
