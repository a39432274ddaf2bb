package io.ashlar.api.admin;

import static org.springframework.http.HttpMethod.GET;

import io.ashlar.access.Permission;
import io.ashlar.engine.Engine;
import io.ashlar.engine.EngineMetrics;
import io.ashlar.engine.Timeline;
import io.ashlar.identity.Tenant;
import io.ashlar.platform.Alarm;
import io.ashlar.scheduler.CostModel;
import io.ashlar.scheduler.Decisions;
import io.ashlar.serving.RequestLog;
import io.ashlar.serving.Served;
import io.ashlar.serving.ServedModel;
import io.ashlar.serving.ServedUpstream;
import io.ashlar.usage.RecentUsage;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** What goes on now, and why: requests of late, deployments, engines. Nothing here tells what was said. */
final class LiveOperations extends Operations {
    private static final int MOST_REQUESTS = 100;

    /** @param refused why; null where it was not */
    record RequestLine(
            UUID id,
            String tenant,
            String model,
            String serviceClass,
            Instant arrived,
            int promptTokens,
            @Nullable String refused) {}

    /** @param ms since the request came */
    record EventLine(double ms, Timeline.What what, int choice, int made, Decisions.@Nullable Why why) {}

    /** @param eventCount those included that were not kept */
    record RequestStory(
            UUID id,
            String tenant,
            String model,
            String serviceClass,
            Instant arrived,
            int promptTokens,
            @Nullable String refused,
            List<EventLine> events,
            int eventCount) {}

    /**
     * @param state {@code ready}, {@code loading}, {@code asleep}; {@code up}, {@code down} or {@code unknown} for an upstream;
     *     {@code draining}, {@code failed}
     * @param reason of a failure
     * @param inFlight requests that an upstream works on
     */
    record ServingLine(
            String deployment,
            String state,
            @Nullable String place,
            @Nullable Integer contextLength,
            @Nullable String reason,
            @Nullable Integer inFlight) {}

    /** Of the last minute's requests, in milliseconds; null where there were none. */
    record Percentiles(@Nullable Double p50, @Nullable Double p95) {
        static Percentiles of(double p50, double p95) {
            return new Percentiles(p50 < 0 ? null : (Double) p50, p95 < 0 ? null : (Double) p95);
        }
    }

    /** @param tokensOfTenants in the last minute, by name */
    record OverviewState(
            int requestsRunning,
            int sequencesWaiting,
            double requestsPerSecond,
            Percentiles ttftMs,
            Percentiles tpotMs,
            double pagePoolPercent,
            long weightBytes,
            Map<String, Long> tokensOfTenants,
            List<Alarm> alarms) {}

    record StepCost(double base, double prefillToken, double decodeRow, double page, double relativeError) {}

    record EngineLine(
            String device,
            int running,
            int waiting,
            long preemptions,
            long movedOut,
            long movedIn,
            long hostPageBytes,
            long pageBytesUsed,
            long pageBytesTotal,
            long shed,
            double busySeconds,
            long completionTokens,
            StepCost stepCostNs,
            Map<String, Double> counters) {}

    record PredictionLine(double meanErrorTokens, double meanGuessErrorTokens) {}

    record SchedulerState(
            List<EngineLine> engines, PredictionLine lengthPrediction, Map<String, Integer> waitingInLine) {}

    LiveOperations(AdminOperations.Services services) {
        super(services);
        many(
                AT + "/requests",
                "Requests of late, the latest first; of one tenant where it is named.",
                RequestLine.class,
                List.of("tenant"),
                c -> Operation.Page.whole(
                        latest(c).stream().map(LiveOperations::line).toList()));
        one(
                GET,
                AT + "/requests/{id}",
                "What happened to a request, by the id that its answer has in 'x-request-id'.",
                null,
                RequestStory.class,
                c -> story(entry(c)));
        one(GET, AT + "/overview", "Whether all is well.", null, OverviewState.class, c -> {
            c.actor().require(Permission.SEE_PLATFORM);
            return overview(c);
        });
        many(AT + "/serving", "How deployments run now.", ServingLine.class, List.of(), c -> {
            c.actor().require(Permission.SEE_PLATFORM);
            return Operation.Page.whole(serving());
        });
        one(GET, AT + "/scheduler", "What the engines and their schedulers do.", null, SchedulerState.class, c -> {
            c.actor().require(Permission.SEE_PLATFORM);
            return scheduler();
        });
    }

    private OverviewState overview(Call c) {
        EngineMetrics m = s.serving().metrics();
        RecentUsage.Summary r = s.recent().summary(Duration.ofMinutes(1));
        Map<String, Long> tokens = new TreeMap<>();
        r.tokens()
                .forEach((id, n) -> tokens.put(
                        s.tenants().byId(id, c.actor()).map(Tenant::name).orElse(id.toString()), n));
        return new OverviewState(
                s.intake().inFlight(),
                m.waiting(),
                r.requestsPerSecond(),
                Percentiles.of(r.ttft50(), r.ttft95()),
                Percentiles.of(r.tpot50(), r.tpot95()),
                100.0 * m.pageBytesUsed() / Math.max(1, m.pageBytesTotal()),
                s.serving().weightBytes(),
                tokens,
                s.alarms().now(c.actor()));
    }

    private @Nullable Tenant of(Call c) {
        UUID own = c.actor().tenant();
        if (c.textOrNull("tenant") != null) {
            return tenant(c, "tenant", c.text("tenant"));
        }
        return own == null ? null : s.tenants().byId(own, c.actor()).orElseThrow(missing("tenant", "tenant"));
    }

    private List<RequestLog.Entry> latest(Call c) {
        Tenant tenant = of(c);
        return tenant == null
                ? s.log().latest(MOST_REQUESTS, c.actor())
                : s.log().latest(tenant, MOST_REQUESTS, c.actor());
    }

    private RequestLog.Entry entry(Call c) {
        Tenant tenant = of(c);
        RequestLog.Entry entry =
                tenant == null ? s.log().find(c.id("id"), c.actor()) : s.log().find(c.id("id"), tenant, c.actor());
        if (entry == null) {
            throw missing("id", "request of late").get();
        }
        return entry;
    }

    private static RequestLine line(RequestLog.Entry e) {
        return new RequestLine(e.id(), e.tenant(), e.model(), e.serviceClass(), e.arrived(), e.prompt(), e.refusal());
    }

    private static RequestStory story(RequestLog.Entry e) {
        Timeline timeline = e.timeline();
        List<EventLine> events = timeline == null
                ? List.of()
                : timeline.events().stream()
                        .map(v -> new EventLine(v.nanos() / 1000 / 1000.0, v.what(), v.choice(), v.made(), v.why()))
                        .toList();
        return new RequestStory(
                e.id(),
                e.tenant(),
                e.model(),
                e.serviceClass(),
                e.arrived(),
                e.prompt(),
                e.refusal(),
                events,
                timeline == null ? 0 : timeline.count());
    }

    private List<ServingLine> serving() {
        List<ServingLine> lines = new ArrayList<>();
        s.serving().all().forEach(d -> lines.add(line(d)));
        new TreeMap<>(s.serving().failures())
                .forEach((name, why) -> lines.add(new ServingLine(name, "failed", null, null, why, null)));
        return lines;
    }

    private static ServingLine line(Served d) {
        String state = switch (d) {
            case ServedModel model -> model.readiness().name();
            case ServedUpstream upstream -> upstream.health().state().name();
        };
        String reason = d instanceof ServedUpstream u && !u.health().text().isEmpty()
                ? u.health().text()
                : null;
        return new ServingLine(
                d.name(),
                d.draining() ? "draining" : state.toLowerCase(Locale.ROOT),
                d.place(),
                d.contextLength(),
                reason,
                d instanceof ServedUpstream u ? (Integer) u.inFlight() : null);
    }

    private SchedulerState scheduler() {
        return new SchedulerState(
                s.serving().hosts().stream().map(h -> line(h.engine())).toList(),
                new PredictionLine(s.predictor().error(), s.predictor().meanGuessError()),
                s.lines().lengths());
    }

    private static EngineLine line(Engine engine) {
        EngineMetrics m = engine.metrics();
        CostModel cost = engine.cost();
        return new EngineLine(
                engine.deviceName(),
                m.running(),
                m.waiting(),
                m.preemptions(),
                m.movedOut(),
                m.movedIn(),
                m.hostBytesUsed(),
                m.pageBytesUsed(),
                m.pageBytesTotal(),
                m.shed(),
                m.busyNanos() / 1e9,
                m.completionTokens(),
                new StepCost(cost.base(), cost.prefillToken(), cost.decodeRow(), cost.page(), m.costError()),
                engine.counters());
    }
}
