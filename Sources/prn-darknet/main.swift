import Darknet

Console.start()
let status = Program.run(Console.programName, Console.arguments)
Console.finish(status)
