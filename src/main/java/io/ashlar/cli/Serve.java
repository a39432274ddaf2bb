package io.ashlar.cli;

import io.ashlar.app.Server;
import io.ashlar.app.Welcome;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Runs a server until the process is told to stop. */
@Command(
        name = "serve",
        description = "Serves the API and the console; sets everything up at the first start.",
        mixinStandardHelpOptions = true)
final class Serve implements Callable<Integer> {
    @Mixin
    CommonOptions common = new CommonOptions();

    @Option(
            names = "--api-port",
            paramLabel = "N",
            description = "Port of the API (default: 8080; 0 takes a free one).")
    @Nullable
    Integer apiPort;

    @Option(names = "--console-port", paramLabel = "N", description = "Port of the console (default: 8081).")
    @Nullable
    Integer consolePort;

    @Option(names = "--management-port", paramLabel = "N", description = "Port of health and metrics (default: 8082).")
    @Nullable
    Integer managementPort;

    @Override
    public Integer call() throws InterruptedException {
        Map<String, String> ports = new HashMap<>();
        put(ports, "api.port", apiPort);
        put(ports, "console.port", consolePort);
        put(ports, "management.port", managementPort);
        Server server = new Server(common.properties(ports));
        Runtime.getRuntime().addShutdownHook(new Thread(server::close, "shutdown"));
        Welcome.print(server, System.out);
        new CountDownLatch(1).await();
        return 0;
    }

    private static void put(Map<String, String> values, String key, @Nullable Integer value) {
        if (value != null) {
            values.put(key, value.toString());
        }
    }
}
