using CsCheck;
using Kagemusha.Wire;
using static Kagemusha.Mobility.Tests.MobileNodeRig;

namespace Kagemusha.Mobility.Tests;

/// <summary>What holds after any sequence of operations, crashes between any two of them included.</summary>
public class MobileNodePropertyTests
{
    private const int RequestedLifetime = 150;

    private static readonly Gen<BindingStatus> Statuses = Gen.OneOf(Enum.GetValues<BindingStatus>());

    private static readonly Gen<Operation> Operations = Gen.Frequency(
        (4, Gen.Bool.Select(other => (Operation)new Operation.Away(other ? OtherCareOfAddress : CareOfAddress))),
        (3, Gen.OneOf<Ipv6Address?>(null, CareOfAddress, OtherCareOfAddress).Select(previous => (Operation)new Operation.Home(previous))),
        (2, Gen.Const((Operation)new Operation.Passive())),
        (1, Gen.Const((Operation)new Operation.Expected())),
        (2, Gen.Const((Operation)new Operation.Refresh())),
        (12, Gen.Const((Operation)new Operation.Wake())),
        (6, Gen.Double[0, 400].Select(seconds => (Operation)new Operation.Pass(Seconds(seconds)))),
        (12, Gen.Select(Gen.Int[0, 20], Gen.Frequency((3, Gen.Const(BindingStatus.Accepted)), (1, Statuses)), Gen.UShort[0, 200])
            .Select((back, status, lifetime) => (Operation)new Operation.Answer(back, status, lifetime))),
        (3, Gen.UShort.Select(accepted => (Operation)new Operation.OutOfWindow(accepted))),
        (4, Gen.Select(Gen.Int[0, 3], Statuses, Gen.UShort).Select((kind, status, by) => (Operation)new Operation.Stray(kind, status, by))),
        (1, Gen.Const((Operation)new Operation.Restart())),
        (1, Gen.Const((Operation)new Operation.Crash())));

    [Fact]
    public void Whatever_happens_the_rules_hold() =>
        Gen.Select(Gen.UShort, Gen.Double[0, 0.999], Operations.Array[0, 120]).Sample(
            (start, random, operations) =>
            {
                var world = new World(new(start, null, TimeSpan.Zero, TimeSpan.Zero), random);
                foreach (var operation in operations)
                {
                    world.Do(operation);
                }
            },
            iter: 20 * Check.Iter);

    private abstract record Operation
    {
        public sealed record Away(Ipv6Address CareOfAddress) : Operation;

        public sealed record Home(Ipv6Address? PreviousCareOfAddress) : Operation;

        public sealed record Passive : Operation;

        public sealed record Expected : Operation;

        public sealed record Refresh : Operation;

        /// <summary>The clock jumps to the next wake-up.</summary>
        public sealed record Wake : Operation;

        /// <summary>The clock moves on and the wake-up comes late, or for nothing.</summary>
        public sealed record Pass(TimeSpan Time) : Operation;

        /// <summary>The home agent answers the update that was sent so many updates before the last.</summary>
        public sealed record Answer(int Back, BindingStatus Status, ushort Lifetime) : Operation;

        public sealed record OutOfWindow(ushort Accepted) : Operation;

        /// <summary>An answer that is not the home agent's, or not for this home address, or for no update of these numbers.</summary>
        public sealed record Stray(int Kind, BindingStatus Status, ushort By) : Operation;

        /// <summary>The next node starts from this one's snapshot.</summary>
        public sealed record Restart : Operation;

        /// <summary>The next node starts from the last snapshot that was made durable.</summary>
        public sealed record Crash : Operation;
    }

    private sealed record SentUpdate(ushort Sequence, TimeSpan At, Ipv6Address From);

    /// <summary>The node, and next to it what an observer of its effects knows.</summary>
    private sealed class World(MobileNodeSnapshot start, double random)
    {
        private readonly List<SentUpdate> _sent = []; // Since the guest came to where it is.
        private readonly List<TimeSpan> _sentAt = []; // By this node.
        private MobileNodeSnapshot _durable = start;
        private ushort _lastSent = start.ReservedThrough;
        private ushort? _resumeBehind;
        private int _settled; // So many of them have nothing more to be answered.
        private Ipv6Address? _at; // Where the guest is: a care-of address, or the home address.
        private Ipv6Address? _previous; // Whence it is de-registered while it is at home.
        private int _tries; // Since it came, was refreshed or got an answer that does not end it.
        private TimeSpan _now = TimeSpan.FromDays(1);
        private MobileNode _node = new(Configuration, start, TimeSpan.FromDays(1), () => random);

        public void Do(Operation operation)
        {
            switch (operation)
            {
                case Operation.Away { CareOfAddress: var careOfAddress }:
                    MoveTo(careOfAddress, null, new MobileNodeInput.Away(careOfAddress));
                    break;
                case Operation.Home { PreviousCareOfAddress: var previous }:
                    MoveTo(HomeAddress, previous, new MobileNodeInput.Home(previous));
                    break;
                case Operation.Passive:
                    MoveTo(null, null, new MobileNodeInput.Passive());
                    break;
                case Operation.Expected:
                    Assert.Empty(UpdatesIn(Handle(new MobileNodeInput.Expected())));
                    Assert.NotEqual(_lastSent, _durable.ReservedThrough);
                    break;
                case Operation.Refresh:
                    _tries = 0;
                    // None where there were three in the last second (RFC 6275, section 11.8).
                    Assert.InRange(UpdatesIn(Handle(new MobileNodeInput.Refresh())).Count(), 0, _at is null ? 0 : 1);
                    break;
                case Operation.Wake when _node.NextWakeUp is { } next:
                    _now = next;
                    Handle(new MobileNodeInput.WakeUp());
                    break;
                case Operation.Pass { Time: var time }:
                    _now += time;
                    Handle(new MobileNodeInput.WakeUp());
                    break;
                case Operation.Answer answer when answer.Back < _sent.Count:
                    Answer(_sent[^(answer.Back + 1)].Sequence, answer.Status, answer.Lifetime);
                    break;
                case Operation.OutOfWindow { Accepted: var accepted } when _at is not null:
                    OutOfWindow(accepted);
                    break;
                case Operation.Stray stray:
                    Stray(stray);
                    break;
                case Operation.Restart:
                    _lastSent = _resumeBehind ?? _lastSent; // What status 135 said is not lost.
                    StartFrom(_node.TakeSnapshot(_now));
                    break;
                case Operation.Crash:
                    StartFrom(_durable);
                    break;
            }
        }

        private void MoveTo(Ipv6Address? at, Ipv6Address? previous, MobileNodeInput input)
        {
            if (at != _at)
            {
                _at = at;
                _previous = _node.TakeSnapshot(_now).BindingMayRemain > TimeSpan.Zero ? previous : null;
                _tries = 0;
                _sent.Clear();
                _settled = 0;
            }

            Handle(input);
        }

        private void StartFrom(MobileNodeSnapshot snapshot)
        {
            _node = new(Configuration, snapshot, _now, () => random);
            _sentAt.Clear();
            _durable = snapshot;
            _at = null;
            _previous = null;
            _sent.Clear();
            _resumeBehind = null;
            _settled = 0;
        }

        private void Answer(ushort sequence, BindingStatus status, ushort lifetime)
        {
            var index = _sent.FindLastIndex(update => update.Sequence == sequence); // Status 135 can lead round the ring.
            var update = _sent[index];
            var isOutstanding = index >= Math.Max(_settled, _sent.Count - 16) && !(_at == HomeAddress && status.IsAccepted && lifetime > 0);
            var before = Observe();
            if (status == BindingStatus.SequenceNumberOutOfWindow)
            {
                OutOfWindow(sequence);
                return;
            }

            if (isOutstanding)
            {
                _settled = index + 1;
                _previous = null; // It is de-registered, or refused there.
            }

            var effects = Handle(new MobileNodeInput.Received(Packet(update.From, status, sequence, lifetime)));
            if (!isOutstanding)
            {
                // A timer may be due, but the answer itself does nothing.
                Assert.DoesNotContain(effects, effect => effect is MobileNodeEffect.BindingChanged { Status: not null });
                return;
            }

            var until = update.At + Seconds(4 * Math.Min((int)lifetime, RequestedLifetime));
            var state = _node.GetState(_now);
            if (_at == HomeAddress)
            {
                var isDone = status.IsAccepted || status == BindingStatus.NotHomeAgentForThisMobileNode;
                Assert.Equal(isDone, effects.Contains(new MobileNodeEffect.AnnounceOnHomeLink()));
                Assert.True(!isDone || state is { Phase: MobileNodePhase.AtHome, Remaining.Ticks: 0 });
            }
            else if (status.IsAccepted && until > _now)
            {
                Assert.Equal((MobileNodePhase.Registered, until - _now), (state.Phase, state.Remaining));
                Assert.True(_node.NextWakeUp < until, "the refresh comes before the binding expires");
            }
            else if (status != BindingStatus.RegistrationTypeChangeDisallowed)
            {
                Assert.Equal((MobileNodePhase.Registering, TimeSpan.Zero), (state.Phase, state.Remaining));
            }
            else
            {
                Assert.Equal(before.State.Remaining, state.Remaining);
            }
        }

        private void OutOfWindow(ushort accepted)
        {
            var isOutstanding = _settled < _sent.Count;
            var isUpToDate = (ushort)(accepted - (_resumeBehind ?? _lastSent)) <= 0x8000;
            var before = Observe();
            var packet = Packet(LastSource, BindingStatus.SequenceNumberOutOfWindow, accepted, 0);
            if (!isOutstanding || !isUpToDate)
            {
                _node.Handle(_now, new MobileNodeInput.Received(packet));
                Assert.Equal(before, Observe());
                return;
            }

            _resumeBehind = accepted;
            _settled = _sent.Count;
            _tries = 0;
            Handle(new MobileNodeInput.Received(packet));
        }

        private void Stray(Operation.Stray stray)
        {
            var packet = Packet(LastSource, stray.Status, _lastSent, RequestedLifetime);
            var by = (UInt128)Math.Max(stray.By, (ushort)1);
            packet = stray.Kind switch
            {
                0 => packet with { Source = new(HomeAgentAddress.Bits ^ by) },
                1 => packet with { Destination = new(packet.Destination.Bits ^ by) },
                2 => packet with { Type2RoutingHeader = new(HomeAddress.Bits ^ by) },
                _ when stray.Status != BindingStatus.SequenceNumberOutOfWindow && !_sent.Exists(update => update.Sequence == stray.By) =>
                    Packet(packet.Destination, stray.Status, stray.By, RequestedLifetime),
                _ => packet with { HomeAddressOption = HomeAddress },
            };
            var before = Observe();
            Assert.Empty(_node.Handle(_now, new MobileNodeInput.Received(packet)));
            Assert.Equal(before, Observe());
        }

        private Ipv6Address LastSource => _sent.Count > 0 ? _sent[^1].From : _at ?? CareOfAddress;

        private IReadOnlyList<MobileNodeEffect> Handle(MobileNodeInput input)
        {
            var effects = _node.Handle(_now, input);
            foreach (var effect in effects)
            {
                switch (effect)
                {
                    case MobileNodeEffect.SequenceReserved { Through: var through }:
                        _durable = _node.TakeSnapshot(_now);
                        Assert.Equal(through, _durable.ReservedThrough);
                        break;
                    case MobileNodeEffect.SendFromCareOfAddress { Packet: var packet }:
                        Assert.NotEqual(HomeAddress, packet.Source);
                        Sent(packet, RequestedLifetime);
                        break;
                    case MobileNodeEffect.SendFromPreviousCareOfAddress { Packet: var packet }:
                        Assert.NotEqual(HomeAddress, packet.Source);
                        Sent(packet, 0);
                        break;
                    case MobileNodeEffect.SendOnHomeLink { Packet: var packet }:
                        Assert.Equal(HomeAddress, packet.Source);
                        Sent(packet, 0);
                        break;
                    case MobileNodeEffect.AnnounceOnHomeLink:
                        Assert.Equal(HomeAddress, _at);
                        break;
                    case MobileNodeEffect.BindingChanged { Change: BindingChange.Deregistered }:
                    case MobileNodeEffect.BindingChanged { Change: BindingChange.Expired, CareOfAddress: null }:
                        _settled = _sent.Count; // Answers to the others have nothing more to say.
                        _previous = null;
                        break;
                }
            }

            Assert.True(_node.NextWakeUp is null || _node.NextWakeUp > _now, "no wake-up is left that is due");
            Assert.True(_at is not null || _node.GetState(_now).Phase == MobileNodePhase.Passive);
            return effects;
        }

        private void Sent(MobilityPacket packet, int lifetime)
        {
            // A passive node sends nothing: its address is none.
            _previous = _tries++ < 2 ? _previous : null;
            Assert.Equal(_previous ?? _at, packet.Source);
            Assert.Equal(packet.Source == HomeAddress ? null : HomeAddress, packet.HomeAddressOption);
            Assert.True(_sentAt.Count(at => at > _now - Seconds(1)) < 3, "three a second at most");
            _sentAt.Add(_now);
            var update = Assert.IsType<BindingUpdate>(packet.Message);
            Assert.Equal(lifetime, update.Lifetime);
            Assert.True(IsGreater(update.Sequence, _resumeBehind ?? _lastSent));
            Assert.True(_resumeBehind is not { } accepted || update.Sequence == (ushort)(accepted + 1));
            Assert.True((ushort)(_durable.ReservedThrough - update.Sequence) < 64, "the number is reserved");
            _lastSent = update.Sequence;
            _resumeBehind = null;
            _sent.Add(new(update.Sequence, _now, packet.Source));
        }

        // As a home agent compares (RFC 6275, section 9.5.1).
        private static bool IsGreater(ushort one, ushort other) => (ushort)(one - other) is > 0 and < 0x8000;

        private static MobilityPacket Packet(Ipv6Address to, BindingStatus status, ushort sequence, ushort lifetime) => new(
            HomeAgentAddress,
            to,
            null,
            to == HomeAddress ? null : HomeAddress,
            new BindingAcknowledgement(status, BindingAcknowledgementFlags.None, sequence, lifetime, []));

        private (MobileNodeState State, MobileNodeSnapshot, TimeSpan?) Observe() =>
            (_node.GetState(_now), _node.TakeSnapshot(_now), _node.NextWakeUp);
    }
}
