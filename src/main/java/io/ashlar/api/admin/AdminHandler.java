package io.ashlar.api.admin;

import io.ashlar.api.ApiException;
import io.ashlar.api.JsonFields;
import io.ashlar.catalog.Catalog;
import io.ashlar.identity.InvalidRequestException;
import io.ashlar.identity.Tenant;
import io.ashlar.identity.Tenants;
import io.ashlar.quota.Limit;
import io.ashlar.quota.LimitKind;
import io.ashlar.quota.Limits;
import io.ashlar.quota.Price;
import io.ashlar.quota.Quotas;
import io.ashlar.quota.ServiceClasses;
import io.ashlar.scheduler.ServiceClass;
import io.ashlar.scheduler.policy.Policies;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.UUID;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;
import org.springframework.http.MediaType;
import org.springframework.web.reactive.function.server.ServerRequest;
import org.springframework.web.reactive.function.server.ServerResponse;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Scheduler;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** What administrators set. Everything waits for the database, so nothing runs on the event loop. */
public final class AdminHandler {
    private final Tenants tenants;
    private final Catalog catalog;
    private final Limits limits;
    private final Quotas quotas;
    private final ServiceClasses classes;
    private final Scheduler blocking;

    public AdminHandler(
            Tenants tenants,
            Catalog catalog,
            Limits limits,
            Quotas quotas,
            ServiceClasses classes,
            Scheduler blocking) {
        this.tenants = tenants;
        this.catalog = catalog;
        this.limits = limits;
        this.quotas = quotas;
        this.classes = classes;
        this.blocking = blocking;
    }

    /** @param work given the body's fields and the actor; returns what is answered, or null for nothing */
    private Mono<ServerResponse> answer(
            ServerRequest request, BiFunction<JsonFields, String, @Nullable JsonNode> work) {
        return request.principal()
                .zipWith(request.bodyToMono(byte[].class)
                        .defaultIfEmpty("{}".getBytes(java.nio.charset.StandardCharsets.UTF_8)))
                .publishOn(blocking)
                .flatMap(both -> {
                    JsonNode answer;
                    try {
                        answer = work.apply(
                                JsonFields.parse(both.getT2()), both.getT1().getName());
                    } catch (InvalidRequestException e) {
                        return Mono.error(ApiException.invalid(e.field(), String.valueOf(e.getMessage())));
                    }
                    return answer == null
                            ? ServerResponse.noContent().build()
                            : ServerResponse.ok()
                                    .contentType(MediaType.APPLICATION_JSON)
                                    .bodyValue(JsonMapper.shared().writeValueAsBytes(answer));
                });
    }

    private static ObjectNode object() {
        return JsonMapper.shared().createObjectNode();
    }

    private Tenant tenant(ServerRequest request) {
        String name = request.pathVariable("tenant");
        return tenants.all().stream()
                .filter(t -> t.name().equals(name))
                .findFirst()
                .orElseThrow(() -> ApiException.notFound("tenant", "There is no tenant '" + name + "'."));
    }

    public Mono<ServerResponse> tenants(ServerRequest request) {
        return answer(request, (fields, actor) -> {
            ObjectNode root = object();
            ArrayNode data = root.putArray("data");
            for (Tenant tenant : tenants.all()) {
                ObjectNode node = data.addObject();
                node.put("id", tenant.id().toString());
                node.put("name", tenant.name());
                node.put("status", tenant.status().name().toLowerCase(Locale.ROOT));
                node.put("service_class", tenant.serviceClass());
                node.put("weight", tenant.weight());
            }
            return root;
        });
    }

    public Mono<ServerResponse> setTenant(ServerRequest request) {
        return answer(request, (fields, actor) -> {
            Tenant tenant = tenant(request);
            String serviceClass = fields.has("service_class") ? fields.text("service_class") : tenant.serviceClass();
            double weight = fields.number("weight", 1e-6, 1e6, tenant.weight());
            classes.setTenant(tenant.id(), serviceClass, weight, actor);
            return object().put("name", tenant.name())
                    .put("service_class", serviceClass)
                    .put("weight", weight);
        });
    }

    public Mono<ServerResponse> serviceClasses(ServerRequest request) {
        return answer(request, (fields, actor) -> {
            ObjectNode root = object();
            ArrayNode data = root.putArray("data");
            classes.all().forEach(c -> describe(data.addObject(), c));
            return root;
        });
    }

    private static ObjectNode describe(ObjectNode node, ServiceClass c) {
        node.put("name", c.name());
        node.put("order", c.order());
        node.put("ttft_ms", c.ttft().toMillis());
        node.put("tpot_ms", c.tpot().toMillis());
        node.put("percentile", c.percentile());
        node.put("weight", c.weight());
        node.put("queue_length", c.queueLength());
        node.put("queue_seconds", c.queueTime().toSeconds());
        node.put("preemptible", c.preemptible());
        return node;
    }

    /** What is not said stays as it is, or is as the class {@code standard} begins. */
    public Mono<ServerResponse> setServiceClass(ServerRequest request) {
        return answer(request, (fields, actor) -> {
            String name = request.pathVariable("name");
            ServiceClass known = classes.find(name);
            ServiceClass old = known == null ? ServiceClass.STANDARD : known;
            int day = 86_400_000;
            ServiceClass set = new ServiceClass(
                    name,
                    fields.integer("order", 0, 15, old.order()),
                    Duration.ofMillis(
                            fields.integer("ttft_ms", 0, day, (int) old.ttft().toMillis())),
                    Duration.ofMillis(
                            fields.integer("tpot_ms", 0, day, (int) old.tpot().toMillis())),
                    fields.number("percentile", 0.001, 99.999, old.percentile()),
                    fields.number("weight", 1e-6, 1e6, old.weight()),
                    fields.integer("queue_length", 0, 1_000_000, old.queueLength()),
                    Duration.ofSeconds(fields.integer(
                            "queue_seconds", 0, 86_400, (int) old.queueTime().toSeconds())),
                    fields.flag("preemptible", old.preemptible()));
            classes.set(set, actor);
            return describe(object(), set);
        });
    }

    public Mono<ServerResponse> removeServiceClass(ServerRequest request) {
        return answer(request, (fields, actor) -> {
            if (!classes.remove(request.pathVariable("name"), actor)) {
                throw ApiException.notFound("name", "There is no such service class.");
            }
            return null;
        });
    }

    public Mono<ServerResponse> limits(ServerRequest request) {
        return answer(request, (fields, actor) -> {
            Tenant tenant = tenant(request);
            var used = quotas.used(tenant.id());
            ObjectNode root = object();
            ArrayNode data = root.putArray("data");
            for (Limit limit : limits.ofTenant(tenant.id())) {
                ObjectNode node = describe(data.addObject(), limit);
                Long here = used.get(limit.id());
                if (here != null) {
                    node.put("used", here);
                }
            }
            return root;
        });
    }

    private static ObjectNode describe(ObjectNode node, Limit limit) {
        node.put("id", limit.id().toString());
        node.put("level", limit.level().name().toLowerCase(Locale.ROOT));
        node.put("subject", limit.subject());
        node.put("project", limit.project() == null ? null : limit.project().toString());
        node.put("key", limit.key() == null ? null : limit.key().toString());
        node.put("model", limit.model());
        node.put("kind", limit.kind().word());
        node.put("amount", limit.amount());
        ArrayNode warn = node.putArray("warn_percent");
        limit.warnPercent().forEach(warn::add);
        node.put("overbooks", limit.overbooks());
        return node;
    }

    public Mono<ServerResponse> setLimit(ServerRequest request) {
        return answer(request, (fields, actor) -> {
            Tenant tenant = tenant(request);
            LimitKind kind = LimitKind.of(fields.text("kind"))
                    .orElseThrow(() -> fields.wrong("kind", "one of " + LimitKind.allWords()));
            Long amount = fields.longOrNull("amount");
            if (amount == null) {
                throw ApiException.invalid("amount", "'amount' is missing; it must be an integer.");
            }
            Limits.Wanted wanted = new Limits.Wanted(
                    fields.has("project") ? uuid(fields, "project") : null,
                    fields.has("key") ? uuid(fields, "key") : null,
                    fields.has("model") ? fields.text("model") : null,
                    kind,
                    amount,
                    percents(fields),
                    fields.flag("overbooks", false));
            return describe(object(), limits.set(tenant.id(), wanted, actor));
        });
    }

    private static UUID uuid(JsonFields fields, String field) {
        try {
            return UUID.fromString(fields.text(field));
        } catch (IllegalArgumentException e) {
            throw fields.wrong(field, "an id");
        }
    }

    private static List<Integer> percents(JsonFields fields) {
        List<Integer> percents = new ArrayList<>();
        if (fields.has("warn_percent")) {
            JsonNode array = fields.get("warn_percent");
            if (!array.isArray()) {
                throw fields.wrong("warn_percent", "an array of integers from 1 to 100");
            }
            for (JsonNode percent : array) {
                if (!percent.isInt() || percent.intValue() < 1 || percent.intValue() > 100) {
                    throw fields.wrong("warn_percent", "an array of integers from 1 to 100");
                }
                percents.add(percent.intValue());
            }
        }
        return percents;
    }

    public Mono<ServerResponse> removeLimit(ServerRequest request) {
        return answer(request, (fields, actor) -> {
            UUID id;
            try {
                id = UUID.fromString(request.pathVariable("id"));
            } catch (IllegalArgumentException e) {
                throw ApiException.notFound("id", "There is no such limit.");
            }
            if (!limits.remove(tenant(request).id(), id, actor)) {
                throw ApiException.notFound("id", "There is no such limit.");
            }
            return null;
        });
    }

    public Mono<ServerResponse> warnings(ServerRequest request) {
        return answer(request, (fields, actor) -> {
            ObjectNode root = object();
            ArrayNode data = root.putArray("data");
            for (Limits.Warning warning : limits.warnings(tenant(request).id(), 100)) {
                ObjectNode node = data.addObject();
                node.put("at", warning.at().toString());
                node.put("limit", warning.limit().toString());
                node.put("window", warning.window().toString());
                node.put("percent", warning.percent());
                node.put("used", warning.used());
                node.put("amount", warning.amount());
            }
            return root;
        });
    }

    public Mono<ServerResponse> prices(ServerRequest request) {
        return answer(request, (fields, actor) -> {
            ObjectNode root = object();
            ArrayNode data = root.putArray("data");
            limits.prices().forEach((model, price) -> describe(data.addObject(), model, price));
            return root;
        });
    }

    private static ObjectNode describe(ObjectNode node, String model, Price price) {
        node.put("model", model);
        node.put("prompt", price.prompt());
        node.put("cached", price.cached());
        node.put("completion", price.completion());
        return node;
    }

    public Mono<ServerResponse> setPrice(ServerRequest request) {
        return answer(request, (fields, actor) -> {
            String model = fields.text("model");
            Price price = new Price(price(fields, "prompt"), price(fields, "cached"), price(fields, "completion"));
            limits.setPrice(model, price, actor);
            return describe(object(), model, price);
        });
    }

    private static long price(JsonFields fields, String field) {
        Long price = fields.longOrNull(field);
        if (price == null || price < 0) {
            throw fields.wrong(field, "an integer of at least 0, in millionths of the currency for a million tokens");
        }
        return price;
    }

    /** The scheduler policy of a deployment; null gives it the platform's again. */
    public Mono<ServerResponse> setPolicy(ServerRequest request) {
        return answer(request, (fields, actor) -> {
            String model = fields.text("model");
            String policy = fields.has("policy") ? fields.text("policy") : null;
            if (policy != null && Policies.of(policy).isEmpty()) {
                throw fields.wrong("policy", "one of " + Policies.words() + ", or null");
            }
            if (!catalog.setPolicy(model, policy, actor)) {
                throw ApiException.notFound("model", "There is no model '" + model + "'.");
            }
            return object().put("model", model).put("policy", policy);
        });
    }
}
