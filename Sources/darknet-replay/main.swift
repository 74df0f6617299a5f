import DarknetCommandLine

// A tool for the project's own tests; users' commands are in prn-darknet.
Console.start()
let words = Console.arguments.map(CommandWords.cleaned)
Console.finish(CommandRun.withEnoughStack { CommandRun.run(Replay.self, words[...]) })
