package io.ashlar.app;

import io.ashlar.api.Intake;
import io.ashlar.block.LoadedBlocks;
import io.ashlar.compute.Device;
import io.ashlar.compute.MemoryUse;
import io.ashlar.engine.Engine;
import io.ashlar.engine.EngineMetrics;
import io.ashlar.serving.Host;
import io.ashlar.usage.UsageLedger;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.binder.MeterBinder;
import java.util.function.ToDoubleFunction;
import java.util.function.ToLongFunction;

/** What Prometheus is told of engine and ledger. */
record Metrics(Hosts hosts, UsageLedger ledger, Intake intake) implements MeterBinder {
    @Override
    public void bindTo(MeterRegistry registry) {
        for (Host host : hosts.all()) {
            bindTo(registry, host);
        }
        Gauge.builder("ashlar.requests.in.flight", intake, Intake::inFlight)
                .description("Requests being answered")
                .register(registry);
        FunctionCounter.builder("ashlar.usage.settled", ledger, UsageLedger::settledRows)
                .description("Requests settled in the journal")
                .register(registry);
        FunctionCounter.builder("ashlar.usage.stored", ledger, UsageLedger::storedRows)
                .description("Rows written into the ledger")
                .register(registry);
        Gauge.builder("ashlar.usage.behind", ledger, l -> l.isBehind() ? 1 : 0)
                .description("1 while rows wait because the database cannot be written")
                .register(registry);
    }

    private static void bindTo(MeterRegistry registry, Host host) {
        Engine engine = host.engine();
        LoadedBlocks loaded = host.loaded();
        Device device = loaded.device();
        gauge(registry, engine, "ashlar.weights.bytes", "Bytes of weights held, each block once", m -> loaded.bytes());
        gauge(registry, engine, "ashlar.weights.blocks", "Blocks held", m -> loaded.blockCount());
        if (device.memory().total() > 0) {
            memory(registry, device, "total", MemoryUse::total);
            memory(registry, device, "weights", MemoryUse::weights);
            memory(registry, device, "pages", MemoryUse::pages);
            memory(registry, device, "steps", MemoryUse::steps);
        }
        gauge(
                registry,
                engine,
                "ashlar.pages.used.bytes",
                "Bytes of pages in use or cached",
                EngineMetrics::pageBytesUsed);
        gauge(registry, engine, "ashlar.pages.total.bytes", "Bytes of the page pool", EngineMetrics::pageBytesTotal);
        gauge(
                registry,
                engine,
                "ashlar.pages.cached.groups",
                "Page groups in the prefix cache",
                EngineMetrics::cachedPageGroups);
        gauge(registry, engine, "ashlar.sequences.running", "Sequences that hold pages", EngineMetrics::running);
        gauge(registry, engine, "ashlar.sequences.waiting", "Sequences that wait", EngineMetrics::waiting);
        counter(registry, engine, "ashlar.steps", "Steps of the engine", EngineMetrics::steps);
        counter(registry, engine, "ashlar.tokens.prompt", "Prompt tokens computed", EngineMetrics::promptTokens);
        counter(registry, engine, "ashlar.tokens.completion", "Tokens made", EngineMetrics::completionTokens);
        counter(
                registry,
                engine,
                "ashlar.preemptions",
                "Sequences that gave their pages up",
                EngineMetrics::preemptions);
        counter(
                registry,
                engine,
                "ashlar.block.passes",
                "Groups of rows that went through a block",
                EngineMetrics::blockPasses);
        counter(
                registry,
                engine,
                "ashlar.block.passes.unshared",
                "The same, had each model run on its own",
                EngineMetrics::chainPasses);
        counter(
                registry,
                engine,
                "ashlar.prompt.tokens.trunk",
                "Prompt tokens whose first layers another model of the family had computed",
                EngineMetrics::trunkTokens);
    }

    private static void memory(MeterRegistry registry, Device device, String use, ToLongFunction<MemoryUse> bytes) {
        Gauge.builder("ashlar.device.memory.bytes", device, d -> bytes.applyAsLong(d.memory()))
                .description("Bytes of the device's memory: all that Ashlar took, and what it is used for")
                .tag("device", device.name())
                .tag("use", use)
                .register(registry);
    }

    private static void gauge(
            MeterRegistry registry, Engine engine, String name, String what, ToDoubleFunction<EngineMetrics> value) {
        Gauge.builder(name, engine, e -> value.applyAsDouble(e.metrics()))
                .description(what)
                .tag("device", engine.deviceName())
                .register(registry);
    }

    private static void counter(
            MeterRegistry registry, Engine engine, String name, String what, ToDoubleFunction<EngineMetrics> value) {
        FunctionCounter.builder(name, engine, e -> value.applyAsDouble(e.metrics()))
                .description(what)
                .tag("device", engine.deviceName())
                .register(registry);
    }
}
