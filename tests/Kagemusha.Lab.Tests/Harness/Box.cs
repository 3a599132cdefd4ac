namespace Kagemusha.Lab.Tests;

/// <summary>A box of the lab: see tests/lab/topology.</summary>
internal class Box(string name)
{
    public string Name { get; } = name;

    /// <summary>A command line that runs a program there.</summary>
    public IReadOnlyList<string> Line(string program, params IReadOnlyList<string> arguments) => ["on", Name, program, .. arguments];

    /// <summary>Runs a program there to its end.</summary>
    public CommandResult Run(string program, params IReadOnlyList<string> arguments) => Command.Run(Line(program, arguments));

    /// <summary>Runs lines of the shell there, which have to succeed.</summary>
    public string Shell(string lines) => Command.Run(Line("sh", "-ec", lines)).Succeed().Output;

    /// <summary>Captures packets there.</summary>
    public Capture Capture(string link, string filter, params string[] options) => new(this, link, filter, options);

    /// <summary>The links there whose name begins so, with their numbers: "7 kgvrf".</summary>
    public IReadOnlyList<string> Links(string prefix) =>
        [.. Run("ip", "-o", "link", "show").Succeed().Lines
            .Select(line => line.Split(": "))
            .Select(fields => (Index: fields[0], Name: fields[1].Split('@')[0]))
            .Where(link => link.Name.StartsWith(prefix, StringComparison.Ordinal))
            .Select(link => $"{link.Index} {link.Name}")];

    public override string ToString() => Name;

    /// <summary>Starts one of our daemons, as its unit does.</summary>
    protected void StartInBackground(string program) =>
        Shell($"nohup as-unit {program} </dev/null >>/var/log/kagemusha/{Path.GetFileName(program)}.out 2>&1 &");

    /// <summary>Kills a program, as if it had crashed, and waits for its end.</summary>
    protected void Kill(string program)
    {
        Run("pkill", "-KILL", "-x", program);
        Wait.Until($"{program} is gone from {Name}", TimeSpan.FromSeconds(30), () => Run("pgrep", "-x", "-r", "R,S,D,T", program).ExitCode != 0);
    }
}
