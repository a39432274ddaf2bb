package io.ashlar.app;

import io.ashlar.api.Intake;
import io.ashlar.block.LoadedBlocks;
import io.ashlar.engine.Engine;
import io.ashlar.engine.EngineMetrics;
import io.ashlar.usage.UsageLedger;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.binder.MeterBinder;
import java.util.function.ToDoubleFunction;

/** What Prometheus is told of engine and ledger. */
record Metrics(Engine engine, LoadedBlocks loaded, UsageLedger ledger, Intake intake) implements MeterBinder {
    @Override
    public void bindTo(MeterRegistry registry) {
        gauge(registry, "ashlar.weights.bytes", "Bytes of weights held, each block once", m -> loaded.bytes());
        gauge(registry, "ashlar.weights.blocks", "Blocks held", m -> loaded.blockCount());
        gauge(registry, "ashlar.pages.used.bytes", "Bytes of pages in use or cached", EngineMetrics::pageBytesUsed);
        gauge(registry, "ashlar.pages.total.bytes", "Bytes of the page pool", EngineMetrics::pageBytesTotal);
        gauge(
                registry,
                "ashlar.pages.cached.groups",
                "Page groups in the prefix cache",
                EngineMetrics::cachedPageGroups);
        gauge(registry, "ashlar.sequences.running", "Sequences that hold pages", EngineMetrics::running);
        gauge(registry, "ashlar.sequences.waiting", "Sequences that wait", EngineMetrics::waiting);
        gauge(registry, "ashlar.requests.in.flight", "Requests being answered", m -> intake.inFlight());
        counter(registry, "ashlar.steps", "Steps of the engine", EngineMetrics::steps);
        counter(registry, "ashlar.tokens.prompt", "Prompt tokens computed", EngineMetrics::promptTokens);
        counter(registry, "ashlar.tokens.completion", "Tokens made", EngineMetrics::completionTokens);
        counter(registry, "ashlar.preemptions", "Sequences that gave their pages up", EngineMetrics::preemptions);
        counter(
                registry,
                "ashlar.block.passes",
                "Groups of rows that went through a block",
                EngineMetrics::blockPasses);
        counter(
                registry,
                "ashlar.block.passes.unshared",
                "The same, had each model run on its own",
                EngineMetrics::chainPasses);
        counter(
                registry,
                "ashlar.prompt.tokens.trunk",
                "Prompt tokens whose first layers another model of the family had computed",
                EngineMetrics::trunkTokens);
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

    private void gauge(MeterRegistry registry, String name, String what, ToDoubleFunction<EngineMetrics> value) {
        Gauge.builder(name, engine, e -> value.applyAsDouble(e.metrics()))
                .description(what)
                .tag("device", engine.deviceName())
                .register(registry);
    }

    private void counter(MeterRegistry registry, String name, String what, ToDoubleFunction<EngineMetrics> value) {
        FunctionCounter.builder(name, engine, e -> value.applyAsDouble(e.metrics()))
                .description(what)
                .tag("device", engine.deviceName())
                .register(registry);
    }
}
