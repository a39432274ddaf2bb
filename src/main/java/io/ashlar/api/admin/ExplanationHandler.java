package io.ashlar.api.admin;

import io.ashlar.access.Actor;
import io.ashlar.access.Permission;
import io.ashlar.api.ApiException;
import io.ashlar.engine.Engine;
import io.ashlar.engine.EngineMetrics;
import io.ashlar.engine.Timeline;
import io.ashlar.quota.WaitingLines;
import io.ashlar.scheduler.CostModel;
import io.ashlar.scheduler.LengthPredictor;
import io.ashlar.serving.Host;
import io.ashlar.serving.RequestLog;
import io.ashlar.serving.Serving;
import java.util.Locale;
import java.util.UUID;
import java.util.function.Function;
import org.springframework.http.MediaType;
import org.springframework.web.reactive.function.server.ServerRequest;
import org.springframework.web.reactive.function.server.ServerResponse;
import reactor.core.publisher.Mono;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** What the scheduler decides, and why. */
public final class ExplanationHandler {
    private static final int MOST = 100;

    private final Serving serving;
    private final RequestLog log;
    private final LengthPredictor predictor;
    private final WaitingLines lines;

    public ExplanationHandler(Serving serving, RequestLog log, LengthPredictor predictor, WaitingLines lines) {
        this.serving = serving;
        this.log = log;
        this.predictor = predictor;
        this.lines = lines;
    }

    private static Mono<ServerResponse> json(ObjectNode node) {
        return ServerResponse.ok()
                .contentType(MediaType.APPLICATION_JSON)
                .bodyValue(JsonMapper.shared().writeValueAsBytes(node));
    }

    public Mono<ServerResponse> requests(ServerRequest request) {
        return seeing(request, this::requests);
    }

    private Mono<ServerResponse> requests(Actor actor) {
        ObjectNode root = JsonMapper.shared().createObjectNode();
        ArrayNode data = root.putArray("data");
        log.latest(MOST, actor).forEach(entry -> describe(data.addObject(), entry));
        return json(root);
    }

    /** By the id that every answer has in its {@code x-request-id} header. */
    public Mono<ServerResponse> request(ServerRequest request) {
        return seeing(request, a -> one(request, a));
    }

    private Mono<ServerResponse> one(ServerRequest request, Actor actor) {
        RequestLog.Entry entry;
        try {
            entry = log.find(UUID.fromString(request.pathVariable("id")), actor);
        } catch (IllegalArgumentException e) {
            entry = null;
        }
        if (entry == null) {
            return Mono.error(ApiException.notFound("id", "There was no such request of late."));
        }
        ObjectNode node = describe(JsonMapper.shared().createObjectNode(), entry);
        Timeline timeline = entry.timeline();
        ArrayNode events = node.putArray("events");
        if (timeline != null) {
            for (Timeline.Event event : timeline.events()) {
                ObjectNode e = events.addObject();
                e.put("ms", event.nanos() / 1000 / 1000.0);
                e.put("what", word(event.what()));
                e.put("choice", event.choice());
                e.put("made", event.made());
                if (event.why() != null) {
                    e.put("why", word(event.why()));
                }
            }
            node.put("event_count", timeline.count());
        }
        return json(node);
    }

    private static String word(Enum<?> value) {
        return value.name().toLowerCase(Locale.ROOT);
    }

    private static ObjectNode describe(ObjectNode node, RequestLog.Entry entry) {
        node.put("id", entry.id().toString());
        node.put("tenant", entry.tenant());
        node.put("model", entry.model());
        node.put("service_class", entry.serviceClass());
        node.put("arrived", entry.arrived().toString());
        node.put("prompt_tokens", entry.prompt());
        if (entry.refusal() != null) {
            node.put("refused", entry.refusal());
        }
        return node;
    }

    public Mono<ServerResponse> scheduler(ServerRequest request) {
        return seeing(request, a -> scheduler());
    }

    /** For those who may see the platform. */
    private static Mono<ServerResponse> seeing(ServerRequest request, Function<Actor, Mono<ServerResponse>> work) {
        return request.principal().flatMap(p -> {
            Actor actor = AdminActors.of(p, request);
            if (!actor.may(Permission.SEE_PLATFORM)) {
                return Mono.error(ApiException.forbidden("access_denied", "Only the platform's members may see this."));
            }
            return work.apply(actor);
        });
    }

    private Mono<ServerResponse> scheduler() {
        ObjectNode root = JsonMapper.shared().createObjectNode();
        ArrayNode engines = root.putArray("engines");
        for (Host host : serving.hosts()) {
            describe(engines.addObject(), host.engine());
        }
        ObjectNode prediction = root.putObject("length_prediction");
        prediction.put("mean_error_tokens", predictor.error());
        prediction.put("mean_guess_error_tokens", predictor.meanGuessError());
        ObjectNode waiting = root.putObject("waiting_in_line");
        lines.lengths().forEach(waiting::put);
        return json(root);
    }

    private static void describe(ObjectNode node, Engine engine) {
        EngineMetrics m = engine.metrics();
        CostModel cost = engine.cost();
        node.put("device", engine.deviceName());
        node.put("running", m.running());
        node.put("waiting", m.waiting());
        node.put("preemptions", m.preemptions());
        node.put("moved_out", m.movedOut());
        node.put("moved_in", m.movedIn());
        node.put("host_page_bytes", m.hostBytesUsed());
        node.put("shed", m.shed());
        ObjectNode costs = node.putObject("step_cost_ns");
        costs.put("base", cost.base());
        costs.put("prefill_token", cost.prefillToken());
        costs.put("decode_row", cost.decodeRow());
        costs.put("page", cost.page());
        costs.put("relative_error", m.costError());
        ObjectNode counters = node.putObject("counters");
        engine.counters().forEach(counters::put);
    }
}
