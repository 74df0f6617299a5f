import Darknet

/// Runs a command: its help, or its words and its work; what it throws becomes one line and an exit
/// status.
package enum CommandRun {
  /// - Parameter words: what follows the command's own words.
  package static func run(
    _ command: any Command.Type, _ words: ArraySlice<String>
  ) -> ExitStatus {
    if Help.isWanted(words, command) {
      Console.out(Help.text(command))
      return .done
    }
    var parser = ArgumentParser(command)
    do {
      let arguments = try parser.parse(words)
      noteRefusedKernels()
      for notice in parser.notices { Console.error(notice + "\n") }
      if let path = parser.inputFile { try Console.readInput(from: path) }
      if let threads = arguments[Flags.threads] { ThreadPool.configure(threads: threads) }
      return try command.run(arguments)
    } catch let error as UsageError {
      Console.flush()
      Console.error("\(error)\nusage: \(command.program) \(command.usage)\n")
      return .usage
    } catch {
      Console.flush()
      Console.error("\(error)\n")
      return status(of: error)
    }
  }

  /// With a stack that suffices whatever `ulimit -s` says.
  package static func withEnoughStack(_ body: () -> ExitStatus) -> ExitStatus {
    var status = ExitStatus.done
    WorkThread.runWithEnoughStack { status = body() }
    return status
  }

  /// One line if the environment asks for kernels that are not to be had.
  private static func noteRefusedKernels() {
    guard let name = KernelVariant.refused else { return }
    Console.error(
      "PRN_DARKNET_CPU: expected one of \(KernelVariant.available.joined(separator: ", ")), found "
        + "'\(name)'; \(KernelVariant.active) is used\n")
  }

  /// What an error means for scripts.
  private static func status(of error: any Error) -> ExitStatus {
    switch error {
    case let error as any ErrorWithStatus: error.status
    case let error as FileError:
      error.action == .open || error.action == .read ? .badInput : .inputOutput
    case DataError.file(let error): status(of: error)
    default: .badInput
    }
  }
}

/// An error that says itself how the program ends.
package protocol ErrorWithStatus: Error {
  var status: ExitStatus { get }
}
