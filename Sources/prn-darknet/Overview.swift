import Darknet
import DarknetCommandLine

extension Help {
  /// A line for each command, under the titles of their groups.
  static var overview: String {
    """
    prn-darknet: Darknet networks on CPUs, with partial residual networks.

    Start here:
      prn-darknet detector test DATA CFG WEIGHTS IMAGE   what a network sees in a picture
      prn-darknet generate shapes DIR                    a small data set for trials
      prn-darknet detector check DATA CFG                is a data set ready for training?
      prn-darknet detector train DATA CFG WEIGHTS -map   train on it
      prn-darknet detector map DATA CFG WEIGHTS          how good the network is
    \(Program.groups.map { "\n\($0.title):\n" + list($0.commands) }.joined())
    'prn-darknet COMMAND --help' has the details of one. Flags may be anywhere, with one
    dash or two. Every command: \
    \(FlagGroup.everywhere.flags.map { $0.name + $0.shape.text }.joined(separator: ", ")).

    """
  }

  /// What Darknet prints for a family without a command.
  static func darknetUsage(_ program: String, _ family: String) -> String {
    switch family {
    case "detector":
      "usage: \(program) detector [train/test/valid/demo/map] [data] [cfg] [weights (optional)]\n"
    default: "usage: \(program) \(family) [train/test/valid] [cfg] [weights (optional)]\n"
    }
  }
}
