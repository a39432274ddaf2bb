package io.ashlar.app;

import io.ashlar.api.Intake;
import io.ashlar.block.LoadedBlocks;
import io.ashlar.compute.Device;
import io.ashlar.compute.MemoryUse;
import io.ashlar.engine.Engine;
import io.ashlar.engine.EngineMetrics;
import io.ashlar.quota.Limit;
import io.ashlar.quota.Quotas;
import io.ashlar.quota.WaitingLines;
import io.ashlar.scheduler.LengthPredictor;
import io.ashlar.serving.Host;
import io.ashlar.usage.UsageLedger;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.MultiGauge;
import io.micrometer.core.instrument.MultiGauge.Row;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.binder.MeterBinder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;
import java.util.function.ToLongFunction;

/** What Prometheus is told of engine, ledger and limits. */
record Metrics(
        Hosts hosts, UsageLedger ledger, Intake intake, Quotas quotas, WaitingLines lines, LengthPredictor predictor)
        implements MeterBinder {
    private static final Duration REFRESH = Duration.ofSeconds(5);

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
        FunctionCounter.builder("ashlar.quota.questions", quotas, Quotas::questions)
                .description("Times that the database was asked for a part of a limit")
                .register(registry);
        FunctionCounter.builder("ashlar.quota.warnings", quotas, Quotas::warnings)
                .description("Soft budgets that were reached")
                .register(registry);
        Gauge.builder("ashlar.prediction.error.tokens", predictor, LengthPredictor::error)
                .description("Mean distance of predicted from actual answer lengths of late")
                .register(registry);
        Gauge.builder("ashlar.prediction.mean.error.tokens", predictor, LengthPredictor::meanGuessError)
                .description("The same, had each been predicted as long as its model's mean")
                .register(registry);
        bindRows(registry);
    }

    /** Rows that come and go are looked at every few seconds. */
    private void bindRows(MeterRegistry registry) {
        MultiGauge counters = MultiGauge.builder("ashlar.tenant.counter")
                .description("Virtual token counter of tenants with requests, above the lowest of them")
                .register(registry);
        MultiGauge used = MultiGauge.builder("ashlar.quota.used")
                .description("What is used or reserved of a limit in its current window")
                .register(registry);
        MultiGauge amount = MultiGauge.builder("ashlar.quota.amount")
                .description("What a limit allows in a window")
                .register(registry);
        MultiGauge waiting = MultiGauge.builder("ashlar.requests.in.line")
                .description("Requests that wait in line instead of being refused")
                .register(registry);
        Thread.ofVirtual().name("metrics-rows").start(() -> {
            try {
                while (true) {
                    List<Row<?>> counterRows = new ArrayList<>();
                    hosts.all()
                            .forEach(h -> h.engine()
                                    .counters()
                                    .forEach((tenant, value) -> counterRows.add(Row.of(
                                            Tags.of(
                                                    "tenant",
                                                    tenant,
                                                    "device",
                                                    h.engine().deviceName()),
                                            value))));
                    counters.register(counterRows, true);
                    List<Row<?>> usedRows = new ArrayList<>();
                    List<Row<?>> amountRows = new ArrayList<>();
                    quotas.used().forEach((limit, value) -> {
                        Tags tags = tags(limit);
                        usedRows.add(Row.of(tags, value));
                        amountRows.add(Row.of(tags, limit.amount()));
                    });
                    used.register(usedRows, true);
                    amount.register(amountRows, true);
                    List<Row<?>> waitingRows = new ArrayList<>();
                    lines.lengths().forEach((of, count) -> waitingRows.add(Row.of(Tags.of("class", of), count)));
                    waiting.register(waitingRows, true);
                    Thread.sleep(REFRESH);
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
    }

    private static Tags tags(Limit limit) {
        return Tags.of(
                "limit", limit.id().toString(),
                "kind", limit.kind().word(),
                "level", limit.level().name().toLowerCase(Locale.ROOT),
                "subject", limit.subject(),
                "model", limit.model() == null ? "" : limit.model());
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
                "Times that a sequence's pages were taken for others",
                EngineMetrics::preemptions);
        counter(
                registry,
                engine,
                "ashlar.pages.moved.out",
                "Times that a sequence's pages went to host memory",
                EngineMetrics::movedOut);
        counter(registry, engine, "ashlar.pages.moved.in", "Times that they came back", EngineMetrics::movedIn);
        gauge(
                registry,
                engine,
                "ashlar.pages.host.bytes",
                "Bytes of pages in host memory",
                EngineMetrics::hostBytesUsed);
        counter(
                registry,
                engine,
                "ashlar.shed",
                "Requests refused so that promises to others are kept",
                EngineMetrics::shed);
        gauge(
                registry,
                engine,
                "ashlar.step.cost.error",
                "Relative error of predicted step times",
                EngineMetrics::costError);
        counter(
                registry,
                engine,
                "ashlar.device.busy.seconds",
                "Time in which the device had a step to do",
                m -> m.busyNanos() / 1e9);
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
