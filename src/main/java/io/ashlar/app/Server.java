package io.ashlar.app;

import io.ashlar.api.ApiApplication;
import io.ashlar.api.Intake;
import io.ashlar.catalog.Catalog;
import io.ashlar.console.ApiAddress;
import io.ashlar.console.ConsoleApplication;
import io.ashlar.database.EmbeddedPostgres;
import io.ashlar.database.StartFailure;
import io.ashlar.identity.AdminKeys;
import io.ashlar.identity.ApiKeys;
import io.ashlar.identity.Members;
import io.ashlar.identity.Tenants;
import io.ashlar.serving.ModelLibrary;
import io.ashlar.serving.Serving;
import io.ashlar.serving.UpstreamHttp;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.bridge.SLF4JBridgeHandler;
import org.springframework.boot.Banner;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.availability.AvailabilityChangeEvent;
import org.springframework.boot.availability.ReadinessState;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.boot.web.server.context.WebServerApplicationContext;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;
import org.springframework.transaction.support.TransactionTemplate;

/** A running Ashlar: database, services and engine in a parent context, the two doors as its children. */
public final class Server implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(Server.class.getName());

    static {
        // Logging is set by logback.xml; two applications that start side by side would both set it again.
        System.setProperty("org.springframework.boot.logging.LoggingSystem", "none");
        SLF4JBridgeHandler.removeHandlersForRootLogger();
        SLF4JBridgeHandler.install();
    }

    private final AshlarProperties properties;
    private final Deque<AutoCloseable> opened = new ArrayDeque<>();
    private final DataFolder folder;
    private final OpenDatabase database;
    private final AnnotationConfigApplicationContext core;
    private final ConfigurableApplicationContext api;
    private final ConfigurableApplicationContext console;
    private final FirstStart.@Nullable Facts firstStart;
    private boolean closed;

    /** Starts everything; what was opened is closed again when something fails. */
    public Server(AshlarProperties properties) {
        this.properties = properties;
        checkPort("api.port", properties.api().address(), properties.api().port());
        checkPort(
                "console.port",
                properties.console().address(),
                properties.console().port());
        checkPort(
                "management.port",
                properties.management().address(),
                properties.management().port());
        try {
            folder = opening(DataFolder.open(properties.data()));
            database = opening(OpenDatabase.open(properties, folder));
            core = opening(startCore());
            Thread.ofPlatform().daemon().name("warm-up").start(core.getBean(Hosts.class)::warmUp);
            // The doors take as long to open as the models to load, so they are opened side by side.
            CompletableFuture<ConfigurableApplicationContext> consoleDoor = inBackground(this::startConsole);
            opened.push(() -> consoleDoor
                    .thenAccept(ConfigurableApplicationContext::close)
                    .join());
            firstStart = firstStart();
            core.getBean(Serving.class).reconcile();
            api = opening(startApi());
            core.getBean(ApiAddress.class).set(url(properties.api().address(), port(api)));
            console = consoleDoor.join();
        } catch (CompletionException e) {
            closeAll();
            throw e.getCause() instanceof RuntimeException cause ? cause : e;
        } catch (RuntimeException | Error e) {
            closeAll();
            throw e;
        }
    }

    private static <T> CompletableFuture<T> inBackground(Supplier<T> work) {
        CompletableFuture<T> result = new CompletableFuture<>();
        Thread.ofPlatform().daemon().name("start-console").start(() -> {
            try {
                result.complete(work.get());
            } catch (RuntimeException | Error e) {
                result.completeExceptionally(e);
            }
        });
        return result;
    }

    private <T extends AutoCloseable> T opening(T resource) {
        opened.push(resource);
        return resource;
    }

    private static void checkPort(String key, String address, int port) {
        if (port == 0) {
            return;
        }
        try (ServerSocket socket = new ServerSocket()) {
            socket.setReuseAddress(true);
            socket.bind(new InetSocketAddress(address, port));
        } catch (IOException | IllegalArgumentException e) {
            throw new StartFailure(
                    "cannot listen on " + address + " port " + port + " (" + e.getMessage()
                            + "); end what uses it, or set " + key + " (--" + key.replace(".", "-")
                            + ") to another port",
                    e);
        }
    }

    private AnnotationConfigApplicationContext startCore() {
        AnnotationConfigApplicationContext context = new AnnotationConfigApplicationContext();
        context.registerBean(AshlarProperties.class, () -> properties);
        // Closed by this class, in its own order.
        context.registerBean(DataFolder.class, () -> folder, definition -> definition.setDestroyMethodName(""));
        context.registerBean(OpenDatabase.class, () -> database, definition -> definition.setDestroyMethodName(""));
        context.register(Core.class);
        context.refresh();
        return context;
    }

    private FirstStart.@Nullable Facts firstStart() {
        return new FirstStart(
                        core.getBean(ModelLibrary.class),
                        core.getBean(Catalog.class),
                        core.getBean(Tenants.class),
                        core.getBean(ApiKeys.class),
                        core.getBean(AdminKeys.class),
                        core.getBean(Members.class),
                        core.getBean(TransactionTemplate.class),
                        core.getBean(SecureRandom.class))
                .run(
                        folder,
                        url(properties.api().address(), properties.api().port()),
                        url(properties.console().address(), properties.console().port()));
    }

    private ConfigurableApplicationContext startApi() {
        Map<String, Object> settings = common();
        settings.put("server.address", properties.api().address());
        settings.put("server.port", properties.api().port());
        settings.put("server.shutdown", "immediate");
        settings.put(
                "spring.http.codecs.max-in-memory-size",
                properties.api().maxBody().toBytes() + "B");
        settings.put("management.server.address", properties.management().address());
        settings.put("management.server.port", properties.management().port());
        settings.put("management.endpoints.web.base-path", "/");
        settings.put("management.endpoints.web.discovery.enabled", false);
        settings.put("management.endpoints.web.exposure.include", "health,prometheus");
        settings.put("management.endpoint.health.probes.enabled", true);
        settings.put("management.endpoint.health.show-components", "always");
        settings.put("management.health.diskspace.enabled", false);
        return start(ApiApplication.class, WebApplicationType.REACTIVE, settings);
    }

    private ConfigurableApplicationContext startConsole() {
        Map<String, Object> settings = common();
        settings.put("server.address", properties.console().address());
        settings.put("server.port", properties.console().port());
        settings.put("server.servlet.session.cookie.name", "ASHLAR_CONSOLE");
        settings.put("server.servlet.session.cookie.http-only", true);
        // A provider sends people back from another site: a strict cookie would not come with them.
        settings.put("server.servlet.session.cookie.same-site", "lax");
        settings.put(
                "server.servlet.session.timeout", properties.signIn().idle().toSeconds() + "s");
        settings.put("vaadin.close-idle-sessions", true);
        settings.put("server.forward-headers-strategy", "native");
        settings.put("vaadin.launch-browser", false);
        return start(ConsoleApplication.class, WebApplicationType.SERVLET, settings);
    }

    private static Map<String, Object> common() {
        Map<String, Object> settings = new HashMap<>();
        settings.put("spring.main.log-startup-info", false);
        settings.put("spring.jmx.enabled", false);
        return settings;
    }

    private ConfigurableApplicationContext start(
            Class<?> application, WebApplicationType type, Map<String, Object> settings) {
        return new SpringApplicationBuilder()
                .parent(core)
                .sources(application)
                .web(type)
                .bannerMode(Banner.Mode.OFF)
                .registerShutdownHook(false)
                .properties(settings)
                .run();
    }

    public String apiUrl() {
        return url(properties.api().address(), port(api));
    }

    public String consoleUrl() {
        return url(properties.console().address(), port(console));
    }

    public String managementUrl() {
        String port = Objects.requireNonNull(api.getEnvironment().getProperty("local.management.port"));
        return url(properties.management().address(), Integer.parseInt(port));
    }

    private static int port(ConfigurableApplicationContext context) {
        return Objects.requireNonNull(((WebServerApplicationContext) context).getWebServer())
                .getPort();
    }

    private static String url(String address, int port) {
        String host = address.equals("0.0.0.0") || address.equals("::") ? "localhost" : address;
        return "http://" + (host.contains(":") ? "[" + host + "]" : host) + ":" + port;
    }

    /** What was made at the first start; null at later ones. */
    FirstStart.@Nullable Facts firstStartFacts() {
        return firstStart;
    }

    /** A service of the parent context. */
    public <T> T service(Class<T> type) {
        return core.getBean(type);
    }

    /** Our own PostgreSQL; null when an external one is used. */
    public @Nullable EmbeddedPostgres embeddedPostgres() {
        return database.server();
    }

    public DataFolder folder() {
        return folder;
    }

    /**
     * Takes no new requests, lets running ones end for as long as {@code drain} says, cuts off what is left, and closes
     * everything in order: doors, engine, ledger, database.
     */
    @Override
    public synchronized void close() {
        if (closed) {
            return;
        }
        closed = true;
        Intake intake = core.getBean(Intake.class);
        intake.close();
        AvailabilityChangeEvent.publish(api, ReadinessState.REFUSING_TRAFFIC);
        await(intake, properties.drain());
        core.getBean(Hosts.class).endAnswers();
        core.getBean(UpstreamHttp.class).endAnswers();
        await(intake, Duration.ofSeconds(2)); // the last words of what was cut off
        closeAll();
    }

    private static void await(Intake intake, Duration limit) {
        long deadline = System.nanoTime() + limit.toNanos();
        try {
            while (intake.inFlight() > 0 && System.nanoTime() < deadline) {
                Thread.sleep(10);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        if (intake.inFlight() > 0) {
            LOG.log(System.Logger.Level.WARNING, "{0} requests are still running and are cut off", intake.inFlight());
        }
    }

    private void closeAll() {
        while (!opened.isEmpty()) {
            AutoCloseable resource = opened.pop();
            try {
                resource.close();
            } catch (Exception e) {
                LOG.log(
                        System.Logger.Level.WARNING,
                        "closing " + resource.getClass().getSimpleName() + " failed",
                        e);
            }
        }
    }
}
