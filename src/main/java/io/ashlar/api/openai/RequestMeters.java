package io.ashlar.api.openai;

import io.ashlar.engine.GenerationUsage;
import io.ashlar.quota.Attainment;
import io.ashlar.scheduler.ServiceClass;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.Timer;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;

/** What requests got, by tenant, model and service class. */
final class RequestMeters {
    private record Of(String tenant, String model, String serviceClass) {
        Tags tags() {
            return Tags.of("tenant", tenant, "model", model, "class", serviceClass);
        }
    }

    private final class Meters {
        final Timer queue;
        final Timer ttft;
        final Timer tpot;
        final Counter attained;
        final Counter missed;
        final Counter preemptions;

        Meters(Of of) {
            queue = timer("ashlar.request.queue", "From arrival to the first step", of);
            ttft = timer("ashlar.request.ttft", "From arrival to the first token", of);
            tpot = timer("ashlar.request.tpot", "Time per token after the first, of each request", of);
            attained = targets(of, "kept");
            missed = targets(of, "missed");
            preemptions = Counter.builder("ashlar.request.preemptions")
                    .description("Times that a request's pages were taken for others")
                    .tags(of.tags())
                    .register(registry);
        }

        private Timer timer(String name, String what, Of of) {
            return Timer.builder(name).description(what).tags(of.tags()).register(registry);
        }

        private Counter targets(Of of, String result) {
            return Counter.builder("ashlar.request.targets")
                    .description("Requests that kept their class's targets, and that missed one")
                    .tags(of.tags().and("result", result))
                    .register(registry);
        }
    }

    private final MeterRegistry registry;
    private final Attainment attainment;
    private final Map<Of, Meters> meters = new ConcurrentHashMap<>();

    RequestMeters(MeterRegistry registry, Attainment attainment) {
        this.registry = registry;
        this.attainment = attainment;
    }

    void ended(String tenant, String model, ServiceClass of, GenerationUsage usage) {
        Meters m = meters.computeIfAbsent(new Of(tenant, model, of.name()), Meters::new);
        m.queue.record(usage.queueNanos(), TimeUnit.NANOSECONDS);
        m.preemptions.increment(usage.preemptions());
        if (usage.firstTokenNanos() < 0) {
            return;
        }
        m.ttft.record(usage.firstTokenNanos(), TimeUnit.NANOSECONDS);
        long tpot = usage.completionTokens() < 2
                ? 0
                : (usage.totalNanos() - usage.firstTokenNanos()) / (usage.completionTokens() - 1);
        if (usage.completionTokens() > 1) {
            m.tpot.record(tpot, TimeUnit.NANOSECONDS);
        }
        if (of.hasTargets()) {
            boolean kept =
                    (of.ttft().isZero() || usage.firstTokenNanos() <= of.ttft().toNanos())
                            && (of.tpot().isZero() || tpot <= of.tpot().toNanos());
            (kept ? m.attained : m.missed).increment();
            attainment.note(of.name(), kept);
        }
    }

    /** @param code why, as the caller reads it */
    void refused(String tenant, String model, ServiceClass of, String code) {
        Counter.builder("ashlar.requests.refused")
                .description("Requests refused by a limit, or shed so that promises to others are kept")
                .tags(new Of(tenant, model, of.name()).tags().and("code", code))
                .register(registry)
                .increment();
    }
}
