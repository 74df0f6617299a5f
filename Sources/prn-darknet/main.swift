import Darknet

Console.start()
let status = Program.start()
Console.finish(status)
