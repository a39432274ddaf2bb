package io.ashlar;

import io.ashlar.access.InvalidRequestException;
import io.ashlar.cli.Ashlar;
import io.ashlar.database.StartFailure;
import io.ashlar.model.CheckpointException;
import picocli.CommandLine;

/** The entry point. What goes wrong for a known reason is told in one line; only a fault of ours shows a stack trace. */
public final class Main {
    private static final int FAILURE = 1;

    private Main() {}

    public static void main(String[] args) {
        int code = new CommandLine(new Ashlar())
                .setExecutionExceptionHandler((failure, line, parsed) -> report(failure, line))
                .execute(args);
        if (code != 0) {
            System.exit(code);
        }
    }

    private static int report(Exception failure, CommandLine line) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (cause instanceof StartFailure
                    || cause instanceof InvalidRequestException
                    || cause instanceof CheckpointException) {
                line.getErr().println("ashlar: " + cause.getMessage());
                return FAILURE;
            }
        }
        failure.printStackTrace(line.getErr());
        return FAILURE;
    }
}
