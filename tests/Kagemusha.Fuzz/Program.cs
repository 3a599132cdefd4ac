using Kagemusha.Fuzz;
using SharpFuzz;

// kagemusha-fuzz TARGET              under afl-fuzz, which gives it one input after another: see scripts/fuzz
// kagemusha-fuzz TARGET FILE...      checks these inputs
if (args.Length == 0)
{
    await Console.Error.WriteLineAsync("usage: kagemusha-fuzz TARGET [FILE...]");
    return 2;
}

if (args.Length == 1)
{
    FuzzTarget? fuzzed = null;
    Fuzzer.Run(stream =>
    {
        // Instrumented code runs in here only: it counts in memory that it shares with afl-fuzz.
        fuzzed ??= Find(args[0]);
        using var input = new MemoryStream();
        stream.CopyTo(input);
        fuzzed.Check(input.ToArray());
    });
    return 0;
}

var target = Find(args[0]);
var status = 0;
foreach (var file in args.Skip(1))
{
    try
    {
        target.Check(await File.ReadAllBytesAsync(file));
    }
    catch (Exception e)
    {
        await Console.Error.WriteLineAsync($"{file}: {e}");
        status = 1;
    }
}

return status;

static FuzzTarget Find(string name) =>
    FuzzTarget.All.FirstOrDefault(target => target.Name == name) ?? throw new ArgumentException($"no such target: {name}");
