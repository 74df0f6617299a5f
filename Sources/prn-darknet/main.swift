import Darknet

Console.start()
let status = Program.run(Array(CommandLine.arguments.dropFirst()))
Console.finish(status)
