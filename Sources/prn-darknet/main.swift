import Darknet

Console.start()
let status = Program.run(Console.arguments)
Console.finish(status)
