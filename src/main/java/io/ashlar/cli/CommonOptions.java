package io.ashlar.cli;

import io.ashlar.app.AshlarProperties;
import io.ashlar.app.Configuration;
import io.ashlar.app.Workbench;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Options that every command on a data folder takes. */
final class CommonOptions {
    @Option(names = "--data", paramLabel = "DIR", description = "The folder that holds everything (default: data).")
    @Nullable
    Path data;

    @Option(names = "--config", paramLabel = "FILE", description = "A YAML file with configuration.")
    @Nullable
    Path config;

    AshlarProperties properties(Map<String, String> more) {
        Map<String, String> values = new HashMap<>(more);
        if (data != null) {
            values.put("data", data.toString());
        }
        return Configuration.read(config, values);
    }

    /** What a command on the data folder works with; to be closed. */
    Workbench workbench() {
        return new Workbench(properties(Map.of()));
    }
}
