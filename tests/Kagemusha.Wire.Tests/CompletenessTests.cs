namespace Kagemusha.Wire.Tests;

/// <summary>What tshark and scapy are shown is all that there is: they read each sample (TsharkTests, ScapyTests).</summary>
public class CompletenessTests
{
    public static TheoryData<Type> Kinds =>
        [typeof(MobilityMessage), typeof(MobilityOption), typeof(MobilityIcmpMessage), typeof(NeighbourDiscoveryMessage), typeof(NeighbourDiscoveryOption)];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Every_message_and_option_is_in_a_sample(Type kind) => Assert.Empty(
        kind.Assembly.GetTypes().Where(type => type.IsSubclassOf(kind) && !type.IsAbstract)
            .Except(Samples.All.SelectMany(sample => PartsOf(sample.Packet)).Select(part => part.GetType())));

    [Fact]
    public void Both_home_addresses_are_in_a_sample()
    {
        Assert.Contains(Samples.All, sample => sample.HomeAddresses.Option is not null);
        Assert.Contains(Samples.All, sample => sample.HomeAddresses.Routing is not null);
    }

    // A packet's message, and the options of that.
    private static IEnumerable<object> PartsOf(object packet)
    {
        var message = packet.GetType().GetProperty("Message")!.GetValue(packet)!;
        var options = message.GetType().GetProperty("Options")?.GetValue(message) as System.Collections.IEnumerable;
        return [message, .. options?.Cast<object>() ?? []];
    }
}
