import Darknet
import DarknetCommandLine

Console.start()
let status = Program.start()
Console.finish(status)
