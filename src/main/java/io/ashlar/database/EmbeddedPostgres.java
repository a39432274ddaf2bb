package io.ashlar.database;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * A PostgreSQL of our own, in the data folder, on a loopback port, with a password. It survives what the process does not:
 * after a kill the next start stops a postmaster that was left running, clears its lock file, and PostgreSQL recovers.
 * (The library for embedded PostgreSQL starts servers for tests: without fsync and without passwords.)
 */
public final class EmbeddedPostgres implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(EmbeddedPostgres.class.getName());
    private static final String USER = "ashlar";
    private static final Duration START_LIMIT = Duration.ofSeconds(60);
    private static final Duration STOP_LIMIT = Duration.ofSeconds(30);

    private final Path folder;
    private final Path binaries;
    private final Path data;
    private final String password;
    private int port;
    private Process process;

    private EmbeddedPostgres(Path folder, Path binaries, String password, int port, Process process) {
        this.folder = folder;
        this.binaries = binaries;
        this.data = folder.resolve("data");
        this.password = password;
        this.port = port;
        this.process = process;
    }

    /**
     * Starts the server, after making its files at the first time and cleaning up after a crash. The caller holds the lock of
     * the data folder.
     *
     * @param folder where its files are
     * @param cache where the programs are unpacked to
     */
    public static EmbeddedPostgres start(Path folder, Path cache) {
        try {
            Path binaries = PostgresBinaries.unpacked(cache);
            Files.createDirectories(folder);
            String password = password(folder);
            Path data = folder.resolve("data");
            if (!Files.exists(data)) {
                initialise(folder, binaries, data);
            }
            stopLeftover(data);
            int port = freePort();
            Process process = launch(folder, binaries, data, port);
            EmbeddedPostgres server = new EmbeddedPostgres(folder, binaries, password, port, process);
            server.awaitReady();
            server.writePort();
            return server;
        } catch (IOException e) {
            throw new UncheckedIOException("the embedded PostgreSQL in " + folder + " cannot be started", e);
        }
    }

    /** The address of the server that another process runs in this folder. */
    public static DatabaseAddress running(Path folder) {
        try {
            int port = Integer.parseInt(Files.readString(folder.resolve("port")).strip());
            return new DatabaseAddress(
                    url(port),
                    USER,
                    Files.readString(folder.resolve("password")).strip());
        } catch (IOException | NumberFormatException e) {
            throw new StartFailure(
                    "the database of the running Ashlar is not ready yet; try again in a few seconds", e);
        }
    }

    public DatabaseAddress address() {
        return new DatabaseAddress(url(port), USER, password);
    }

    private static String url(int port) {
        return "jdbc:postgresql://127.0.0.1:" + port + "/ashlar";
    }

    private static String password(Path folder) throws IOException {
        Path file = folder.resolve("password");
        if (!Files.exists(file)) {
            byte[] random = new byte[24];
            new SecureRandom().nextBytes(random);
            Path draft = folder.resolve("password.new");
            Files.deleteIfExists(draft);
            Files.createFile(draft, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
            Files.writeString(draft, HexFormat.of().formatHex(random));
            Files.move(draft, file, StandardCopyOption.ATOMIC_MOVE);
        }
        return Files.readString(file).strip();
    }

    /** Made under another name and moved, so that a crash in between leaves no half of a cluster. */
    private static void initialise(Path folder, Path binaries, Path data) throws IOException {
        Path draft = folder.resolve("data.new");
        if (Files.exists(draft)) {
            PostgresBinaries.delete(draft);
        }
        List<String> command = asAllowedUser(
                binaries.resolve("bin/initdb").toString(),
                "-D",
                draft.toString(),
                "-U",
                USER,
                "-E",
                "UTF8",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "--locale=C",
                "--auth=scram-sha-256",
                "--pwfile=" + folder.resolve("password"));
        Path log = folder.resolve("initdb.log");
        Process initdb = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();
        if (!waitFor(initdb, START_LIMIT) || initdb.exitValue() != 0) {
            initdb.destroyForcibly();
            throw new StartFailure("the embedded PostgreSQL cannot be set up (" + lastLine(log) + "); see " + log
                    + ", or set ASHLAR_DATABASE_URL to one that is running");
        }
        Files.move(draft, data, StandardCopyOption.ATOMIC_MOVE);
    }

    /** PostgreSQL refuses to run as root; in a user namespace of its own it sees another user. */
    private static List<String> asAllowedUser(String... command) {
        List<String> all = new ArrayList<>();
        if ("root".equals(System.getProperty("user.name")) && !os().contains("mac")) {
            all.add("unshare");
            all.add("-U");
        }
        all.addAll(List.of(command));
        return all;
    }

    private static String os() {
        return System.getProperty("os.name").toLowerCase(java.util.Locale.ROOT);
    }

    private static Process launch(Path folder, Path binaries, Path data, int port) throws IOException {
        List<String> command = asAllowedUser(
                binaries.resolve("bin/postgres").toString(),
                "-D",
                data.toString(),
                "-p",
                String.valueOf(port),
                "-c",
                "listen_addresses=127.0.0.1",
                "-c",
                "unix_socket_directories=",
                "-c",
                "max_connections=60",
                "-c",
                "shared_buffers=64MB");
        return new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(
                        folder.resolve("postgres.log").toFile()))
                .start();
    }

    /** Ends a postmaster that outlived the Ashlar that started it, and removes the lock file of one that did not. */
    private static void stopLeftover(Path data) throws IOException {
        Path lock = data.resolve("postmaster.pid");
        if (!Files.exists(lock)) {
            return;
        }
        long pid;
        try {
            pid = Long.parseLong(Files.readAllLines(lock).getFirst().strip());
        } catch (RuntimeException e) {
            Files.deleteIfExists(lock);
            return;
        }
        Optional<ProcessHandle> leftover = ProcessHandle.of(pid).filter(p -> isPostmaster(p, data));
        if (leftover.isPresent()) {
            LOG.log(
                    System.Logger.Level.INFO,
                    "stopping the PostgreSQL that an earlier Ashlar left running (pid {0})",
                    pid);
            signal(pid, "INT");
            try {
                leftover.get().onExit().get(STOP_LIMIT.toSeconds(), TimeUnit.SECONDS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            } catch (java.util.concurrent.ExecutionException | java.util.concurrent.TimeoutException e) {
                throw new StartFailure(
                        "a PostgreSQL (pid " + pid + ") still runs in " + data + " and does not stop; end it", e);
            }
        }
        Files.deleteIfExists(lock);
    }

    private static boolean isPostmaster(ProcessHandle process, Path data) {
        boolean postgres = process.info()
                .command()
                .or(() -> process.info().commandLine())
                .map(c -> c.contains("postgres"))
                .orElse(false);
        if (!postgres) {
            return false;
        }
        Path workingFolder = Path.of("/proc/" + process.pid() + "/cwd");
        try {
            return !Files.exists(workingFolder) || workingFolder.toRealPath().equals(data.toRealPath());
        } catch (IOException e) {
            return true;
        }
    }

    private static void signal(long pid, String name) throws IOException {
        Process kill = new ProcessBuilder("kill", "-" + name, String.valueOf(pid)).start();
        waitFor(kill, Duration.ofSeconds(5));
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    private void awaitReady() throws IOException {
        long deadline = System.nanoTime() + START_LIMIT.toNanos();
        String admin = "jdbc:postgresql://127.0.0.1:" + port + "/postgres?connectTimeout=2&loginTimeout=2";
        while (true) {
            try (Connection connection = DriverManager.getConnection(admin, USER, password);
                    Statement statement = connection.createStatement()) {
                try (ResultSet found = statement.executeQuery("select 1 from pg_database where datname = 'ashlar'")) {
                    if (found.next()) {
                        return;
                    }
                }
                statement.execute("create database ashlar");
                return;
            } catch (SQLException e) {
                Path log = folder.resolve("postgres.log");
                if (!process.isAlive()) {
                    throw new StartFailure(
                            "the embedded PostgreSQL ended at its start (" + lastLine(log) + "); see " + log, e);
                }
                if (System.nanoTime() > deadline) {
                    process.destroyForcibly();
                    throw new StartFailure(
                            "the embedded PostgreSQL was not ready after " + START_LIMIT.toSeconds() + " s; see " + log,
                            e);
                }
                pause();
            }
        }
    }

    private static void pause() {
        try {
            Thread.sleep(20);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new StartFailure("interrupted while the embedded PostgreSQL was starting", e);
        }
    }

    private void writePort() throws IOException {
        Path draft = folder.resolve("port.new");
        Files.writeString(draft, String.valueOf(port));
        Files.move(draft, folder.resolve("port"), StandardCopyOption.ATOMIC_MOVE);
    }

    private static String lastLine(Path log) throws IOException {
        List<String> lines = Files.exists(log) ? Files.readAllLines(log) : List.of();
        return lines.isEmpty() ? "no message" : lines.getLast();
    }

    private static boolean waitFor(Process process, Duration limit) {
        try {
            return process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    /** Stops the server, leaving its files: an outage, for tests. */
    public void stop() {
        process.destroy();
        try {
            // SIGTERM waits for clients; SIGINT ends them and shuts down cleanly.
            signal(process.pid(), "INT");
        } catch (IOException e) {
            process.destroyForcibly();
        }
        if (!waitFor(process, STOP_LIMIT)) {
            process.destroyForcibly();
        }
    }

    /** Starts the server again after {@link #stop}, on the same port. */
    public void restart() {
        try {
            stopLeftover(data);
            process = launch(folder, binaries, data, port);
            awaitReady();
        } catch (IOException e) {
            throw new UncheckedIOException("the embedded PostgreSQL in " + folder + " cannot be started again", e);
        }
    }

    @Override
    public void close() {
        stop();
    }
}
