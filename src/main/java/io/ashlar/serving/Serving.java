package io.ashlar.serving;

import io.ashlar.block.AdapterManifest;
import io.ashlar.block.BlockZoo;
import io.ashlar.block.ModelManifest;
import io.ashlar.catalog.Catalog;
import io.ashlar.catalog.CatalogModel;
import io.ashlar.catalog.Deployment;
import io.ashlar.catalog.Upstreams;
import io.ashlar.compute.OutOfDeviceMemoryException;
import io.ashlar.database.ChangeFeed;
import io.ashlar.engine.Chain;
import io.ashlar.engine.EngineMetrics;
import io.ashlar.model.text.ChatTemplate;
import io.ashlar.model.text.Tokenizer;
import io.ashlar.scheduler.policy.Policies;
import java.time.Clock;
import java.time.Duration;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.Executors;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** The deployments that answer, kept as the catalog says they should be. */
public final class Serving implements AutoCloseable {
    private static final Duration LOOK_EVERY = Duration.ofSeconds(5);
    private static final System.Logger LOG = System.getLogger(Serving.class.getName());

    private final Catalog catalog;
    private final Upstreams upstreams;
    private final UpstreamHttp http;
    private final Clock clock;
    private final BlockZoo zoo;
    private final List<Host> hosts;
    private final ServingLimits limits;
    private final ReentrantLock loadingChains = new ReentrantLock();
    private final Executor loaders = Executors.newThreadPerTaskExecutor(
            Thread.ofVirtual().name("load-", 0).factory());
    private final Map<String, ServedModel> served = new ConcurrentHashMap<>();
    private final Map<String, ServedUpstream> elsewhere = new ConcurrentHashMap<>();
    private final Map<String, String> failures = new ConcurrentHashMap<>();
    private final Map<String, Tokenizer> tokenizers = new HashMap<>();
    private final ReentrantLock reconciling = new ReentrantLock();
    private @Nullable Thread looking;

    /** @param hosts where deployments are placed; those that come first where nothing else decides */
    public Serving(
            Catalog catalog,
            Upstreams upstreams,
            UpstreamHttp http,
            BlockZoo zoo,
            List<Host> hosts,
            ServingLimits limits,
            Clock clock) {
        this.catalog = catalog;
        this.upstreams = upstreams;
        this.http = http;
        this.clock = clock;
        this.zoo = zoo;
        this.hosts = List.copyOf(hosts);
        this.limits = limits;
    }

    public void follow(ChangeFeed changes) {
        changes.onChange(
                Set.of("model", "deployment"),
                () -> Thread.ofVirtual().name("reconcile").start(this::reconcile));
        looking = Thread.ofVirtual().name("upstreams-look").start(() -> {
            try {
                while (true) {
                    Thread.sleep(LOOK_EVERY);
                    look();
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
    }

    /** Asks the servers of all upstreams whether they answer; does not wait for them. */
    public void look() {
        elsewhere.values().forEach(u -> loaders.execute(u::look));
    }

    /** Loads what the catalog has and this does not, and retires what it no longer has. */
    public void reconcile() {
        reconciling.lock();
        try {
            // Deployments first: what they serve was there before them, and is found however much is added meanwhile.
            Map<String, Deployment> wanted = new TreeMap<>();
            catalog.deployments().forEach(d -> wanted.put(d.name(), d));
            Map<String, CatalogModel> models = new HashMap<>();
            catalog.models().forEach(m -> models.put(m.name(), m));
            for (ServedModel current : List.copyOf(served.values())) {
                Deployment now = wanted.get(current.name());
                if (now == null || !current.deployment().servesAs(now)) {
                    served.remove(current.name());
                    current.retire();
                    LOG.log(System.Logger.Level.INFO, "{0} is no longer served", current.name());
                }
            }
            for (ServedUpstream current : List.copyOf(elsewhere.values())) {
                Deployment now = wanted.get(current.name());
                if (now == null || !current.deployment().servesAs(now)) {
                    elsewhere.remove(current.name());
                }
            }
            failures.keySet().retainAll(wanted.keySet());
            for (Deployment deployment : wanted.values()) {
                if (deployment.upstream() != null) {
                    follow(deployment);
                    continue;
                }
                if (!served.containsKey(deployment.name())) {
                    start(deployment, models);
                }
                order(deployment);
            }
        } finally {
            reconciling.unlock();
        }
    }

    private void follow(Deployment deployment) {
        try {
            elsewhere
                    .computeIfAbsent(deployment.name(), name -> {
                        ServedUpstream begun =
                                new ServedUpstream(deployment, http, upstreams.upstreamKey(name), loaders, clock);
                        loaders.execute(begun::look);
                        return begun;
                    })
                    .setDraining(deployment.draining());
            failures.remove(deployment.name());
        } catch (RuntimeException e) {
            failures.put(deployment.name(), String.valueOf(e.getMessage()));
            LOG.log(System.Logger.Level.ERROR, "upstream " + deployment.name() + " cannot be served", e);
        }
    }

    /** Tells the engine which policy orders a deployment's requests; those that run go on as they are. */
    private void order(Deployment deployment) {
        ServedModel model = served.get(deployment.name());
        if (model == null) {
            return;
        }
        model.setDraining(deployment.draining());
        String wanted = deployment.policy();
        Policies policy = wanted == null ? null : Policies.of(wanted).orElse(null);
        if (wanted != null && policy == null) {
            LOG.log(System.Logger.Level.WARNING, "{0} has the policy {1}, which there is not", model.name(), wanted);
        }
        if (policy == null) {
            model.engine().useUsual(model.name());
        } else {
            model.engine().use(model.name(), policy);
        }
    }

    private void start(Deployment deployment, Map<String, CatalogModel> models) {
        try {
            CatalogModel model = require(models, Objects.requireNonNull(deployment.model()));
            AdapterManifest adapter = model.isAdapter() ? ModelLibrary.adapterManifest(model) : null;
            CatalogModel base = adapter == null ? model : require(models, adapter.base());
            ModelManifest manifest = ModelLibrary.modelManifest(base);
            int vocabulary = manifest.modelConfig().vocabularySize();
            Tokenizer tokenizer = tokenizers.computeIfAbsent(
                    manifest.tokenizer() + "/" + vocabulary,
                    key -> new Tokenizer(zoo.file(manifest.tokenizer()), vocabulary));
            String template = manifest.chatTemplate();
            Host host = place(manifest);
            ServedModel deployed = new ServedModel(
                    deployment,
                    manifest,
                    adapter != null,
                    limits.maxContext(),
                    host.engine(),
                    tokenizer,
                    template == null ? null : new ChatTemplate(template, manifest.specialTokens()),
                    () -> load(host, manifest, adapter),
                    chain -> release(host, chain));
            // Adapters are many and load fast: they come when they are asked for. So do models beyond the memory.
            if (adapter == null && host.fits(manifest)) {
                deployed.wake(Runnable::run).join();
            }
            served.put(deployment.name(), deployed);
            failures.remove(deployment.name());
        } catch (RuntimeException e) {
            Throwable cause = e instanceof CompletionException && e.getCause() != null ? e.getCause() : e;
            failures.put(deployment.name(), String.valueOf(cause.getMessage()));
            LOG.log(System.Logger.Level.ERROR, "deployment " + deployment.name() + " cannot be served", e);
        }
    }

    /**
     * Where a model is served from now on: where most of its blocks are or will be, so that a family stays together; among
     * those where it has room, and then where most is free.
     */
    private Host place(ModelManifest manifest) {
        Host best = hosts.getFirst();
        for (Host host : hosts) {
            if (comparePlaces(host, best, manifest) < 0) {
                best = host;
            }
        }
        return best;
    }

    private int comparePlaces(Host a, Host b, ModelManifest manifest) {
        int room = Boolean.compare(b.fits(manifest), a.fits(manifest));
        int missing = Long.compare(
                a.loaded().missingBytes(manifest.chain()), b.loaded().missingBytes(manifest.chain()));
        int free = Long.compare(b.freeBytes(), a.freeBytes());
        return room != 0 ? room : missing != 0 ? missing : free;
    }

    /** Makes room and loads; one chain at a time, since each needs to know what the others took. */
    private Chain load(Host host, ModelManifest manifest, @Nullable AdapterManifest adapter) {
        loadingChains.lock();
        try {
            while (!host.fits(manifest)) {
                if (!sleepOne(host, model -> true)) {
                    throw new IllegalStateException("its blocks do not fit beside those in use: "
                            + host.loaded().missingBytes(manifest.chain()) + " bytes more are needed, "
                            + host.freeBytes() + " are free");
                }
            }
            if (adapter != null) {
                while (residentAdapters(host) >= limits.adapters() && sleepOne(host, ServedModel::isAdapter)) {
                    // until there is a place
                }
            }
            while (true) {
                try {
                    Chain chain = host.chains().load(manifest, adapter, limits.maxContext());
                    try {
                        host.engine().place(chain).join();
                    } catch (CompletionException e) {
                        host.chains().release(chain);
                        throw e.getCause() instanceof RuntimeException cause ? cause : e;
                    }
                    return chain;
                } catch (OutOfDeviceMemoryException e) {
                    // Free memory may be in pieces, and angles and step buffers take some too.
                    if (!sleepOne(host, model -> true)) {
                        throw e;
                    }
                }
            }
        } finally {
            loadingChains.unlock();
        }
    }

    private long residentAdapters(Host host) {
        return served.values().stream()
                .filter(m -> m.engine() == host.engine())
                .filter(m -> m.isAdapter() && m.readiness() == ServedModel.Readiness.READY)
                .count();
    }

    /** Puts the model to sleep that nobody has used for longest. False when all are in use. */
    private boolean sleepOne(Host host, Predicate<ServedModel> which) {
        while (true) {
            ServedModel idlest = served.values().stream()
                    .filter(m -> m.engine() == host.engine())
                    .filter(which)
                    .filter(m -> m.idleSince() != Long.MAX_VALUE)
                    .min(Comparator.comparingLong(ServedModel::idleSince))
                    .orElse(null);
            if (idlest == null) {
                return false;
            }
            Chain idle = idlest.sleep();
            if (idle != null) {
                releaseNow(host, idle);
                LOG.log(System.Logger.Level.INFO, "{0} sleeps: its memory is needed", idlest.name());
                return true;
            }
        }
    }

    /**
     * Completed when a lease on the model can be had at once; at once where the model is not served. A model that cannot be
     * loaded now completes it with the reason.
     */
    public CompletableFuture<Void> ready(String name) {
        ServedModel model = served.get(name);
        return model == null ? CompletableFuture.completedFuture(null) : model.wake(loaders);
    }

    private static CatalogModel require(Map<String, CatalogModel> models, String name) {
        CatalogModel model = models.get(name);
        if (model == null) {
            throw new IllegalStateException("the catalog has no model " + name);
        }
        return model;
    }

    /** Called where the last lease ends, which may be an event loop: unmapping is not its work. */
    private void release(Host host, Chain chain) {
        loaders.execute(() -> releaseNow(host, chain));
    }

    private static void releaseNow(Host host, Chain chain) {
        host.engine().forget(chain);
        host.chains().release(chain);
    }

    /** The deployment of this name, kept loaded until {@link Served#endLease}; null when none is ready. */
    public @Nullable Served lease(String name) {
        ServedModel model = served.get(name);
        if (model == null) {
            return elsewhere.get(name);
        }
        return model.lease() ? model : null;
    }

    public boolean serves(String name) {
        return served.containsKey(name) || elsewhere.containsKey(name);
    }

    /** All that answer, by name. */
    public Collection<Served> all() {
        Map<String, Served> all = new TreeMap<>(served);
        all.putAll(elsewhere);
        return all.values();
    }

    /** The deployment of this name; null where there is none that answers. */
    public @Nullable Served find(String name) {
        ServedModel model = served.get(name);
        return model == null ? elsewhere.get(name) : model;
    }

    /** Those whose tokens other servers make, by name. */
    public Collection<ServedUpstream> upstreams() {
        return new TreeMap<>(elsewhere).values();
    }

    /** Why deployments could not be started, by name. */
    public Map<String, String> failures() {
        return Map.copyOf(failures);
    }

    /** Bytes of weights held, each block once on each device. */
    public long weightBytes() {
        return hosts.stream().mapToLong(h -> h.loaded().bytes()).sum();
    }

    public int blockCount() {
        return hosts.stream().mapToInt(h -> h.loaded().blockCount()).sum();
    }

    public List<Host> hosts() {
        return hosts;
    }

    /** What all engines do, together. */
    public EngineMetrics metrics() {
        return hosts.stream().map(h -> h.engine().metrics()).reduce(EngineMetrics.ZERO, EngineMetrics::plus);
    }

    @Override
    public void close() {
        Thread looker = looking;
        if (looker != null) {
            looker.interrupt();
        }
    }
}
