package io.ashlar.api.admin;

import static org.springframework.http.HttpMethod.DELETE;
import static org.springframework.http.HttpMethod.GET;
import static org.springframework.http.HttpMethod.POST;
import static org.springframework.http.HttpMethod.PUT;

import io.ashlar.access.InvalidRequestException;
import io.ashlar.block.Quantization;
import io.ashlar.catalog.Deployment;
import io.ashlar.catalog.Upstream;
import io.ashlar.quota.Price;
import io.ashlar.scheduler.ServiceClass;
import io.ashlar.scheduler.policy.Policies;
import io.ashlar.serving.Imports;
import io.ashlar.serving.ModelLibrary;
import io.ashlar.serving.ModelSummary;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** What is served, how, and at what price. */
final class ServingOperations extends Operations {
    private static final int DAY_MILLIS = 86_400_000;

    record ClassLine(
            String name,
            int order,
            long ttftMs,
            long tpotMs,
            double percentile,
            double weight,
            int queueLength,
            long queueSeconds,
            boolean preemptible) {}

    record ClassChange(
            @Nullable Integer order,
            @Nullable Integer ttftMs,
            @Nullable Integer tpotMs,
            @Nullable Double percentile,
            @Nullable Double weight,
            @Nullable Integer queueLength,
            @Nullable Integer queueSeconds,
            @Nullable Boolean preemptible) {}

    record PriceLine(String model, Long prompt, Long cached, Long completion) {}

    record PolicyChange(String model, @Nullable String policy) {}

    /**
     * Another server.
     *
     * @param most requests that it is given at a time
     * @param key that it wants; an empty one takes it away, null leaves it as it is
     */
    record UpstreamFields(
            String url,
            String model,
            Integer context,
            @Nullable Integer most,
            @Nullable String key) {
        Upstream upstream() {
            return Upstream.checked(url, model, context, most == null ? Upstream.USUALLY_MOST : most);
        }
    }

    /** Either of a model of ours or of an upstream. */
    record NewDeployment(
            String name,
            @Nullable String model,
            @Nullable UpstreamFields upstream,
            @Nullable Boolean sharesPrefixes,
            @Nullable String policy) {}

    record DeploymentChange(
            @Nullable UpstreamFields upstream,
            @Nullable Boolean sharesPrefixes,
            @Nullable String policy,
            @Nullable Boolean draining) {}

    record NewImport(
            String path,
            String name,
            @Nullable String base,
            @Nullable Quantization quantize) {}

    record Freed(long bytes) {}

    ServingOperations(AdminOperations.Services services) {
        super(services);
        classesAndPrices();
        imports();
        deployments();
    }

    private void classesAndPrices() {
        many(
                AT + "/service-classes",
                "Service classes, the highest first.",
                ClassLine.class,
                List.of(),
                c -> Operation.Page.whole(s.classes().all(c.actor()).stream()
                        .map(ServingOperations::line)
                        .toList()));
        one(PUT, AT + "/service-classes/{name}", "Adds or changes a class.", ClassChange.class, ClassLine.class, c -> {
            ServiceClass set = merged(c.variable("name"), c.body(ClassChange.class), c);
            s.classes().set(set, c.actor());
            return line(set);
        });
        one(DELETE, AT + "/service-classes/{name}", "Removes a class that no tenant has.", null, null, c -> {
            found(s.classes().remove(c.variable("name"), c.actor()), "name", "service class");
            return null;
        });
        many(
                AT + "/prices",
                "Prices, in millionths of the currency for a million tokens.",
                PriceLine.class,
                List.of(),
                c -> Operation.Page.whole(s.limits().prices(c.actor()).entrySet().stream()
                        .map(e -> line(e.getKey(), e.getValue()))
                        .sorted(java.util.Comparator.comparing(PriceLine::model))
                        .toList()));
        one(PUT, AT + "/prices", "Sets what a deployment costs.", PriceLine.class, PriceLine.class, c -> {
            PriceLine wanted = c.body(PriceLine.class);
            s.limits().setPrice(wanted.model, new Price(wanted.prompt, wanted.cached, wanted.completion), c.actor());
            return wanted;
        });
    }

    private static PriceLine line(String model, Price price) {
        return new PriceLine(model, price.prompt(), price.cached(), price.completion());
    }

    private static ClassLine line(ServiceClass k) {
        return new ClassLine(
                k.name(),
                k.order(),
                k.ttft().toMillis(),
                k.tpot().toMillis(),
                k.percentile(),
                k.weight(),
                k.queueLength(),
                k.queueTime().toSeconds(),
                k.preemptible());
    }

    /** What is not said stays as it is, or is as the class {@code standard} begins. */
    private ServiceClass merged(String name, ClassChange change, Call c) {
        ServiceClass old = s.classes().all(c.actor()).stream()
                .filter(k -> k.name().equals(name))
                .findFirst()
                .orElse(ServiceClass.STANDARD);
        within("order", change.order, 0, 15);
        within("ttft_ms", change.ttftMs, 0, DAY_MILLIS);
        within("tpot_ms", change.tpotMs, 0, DAY_MILLIS);
        within("queue_length", change.queueLength, 0, 1_000_000);
        within("queue_seconds", change.queueSeconds, 0, 86_400);
        if (change.weight != null && !(change.weight > 0 && change.weight <= 1e6)) {
            throw new InvalidRequestException("weight", "'weight' must be above 0, at most 1000000.");
        }
        return new ServiceClass(
                name,
                change.order == null ? old.order() : change.order,
                change.ttftMs == null ? old.ttft() : Duration.ofMillis(change.ttftMs),
                change.tpotMs == null ? old.tpot() : Duration.ofMillis(change.tpotMs),
                change.percentile == null ? old.percentile() : change.percentile,
                change.weight == null ? old.weight() : change.weight,
                change.queueLength == null ? old.queueLength() : change.queueLength,
                change.queueSeconds == null ? old.queueTime() : Duration.ofSeconds(change.queueSeconds),
                change.preemptible == null ? old.preemptible() : change.preemptible);
    }

    private static void within(String field, @Nullable Integer value, int least, int most) {
        if (value != null && (value < least || value > most)) {
            throw new InvalidRequestException(
                    field, "'" + field + "' must be an integer from " + least + " to " + most + ".");
        }
    }

    private void imports() {
        many(
                AT + "/imports",
                "Imports, the latest first.",
                Imports.Job.class,
                List.of(),
                c -> Operation.Page.whole(s.imports().all(c.actor())));
        one(
                POST,
                AT + "/imports",
                "Begins to import a folder or file of the server's machine.",
                NewImport.class,
                Imports.Job.class,
                c -> {
                    NewImport wanted = c.body(NewImport.class);
                    Quantization quantize = wanted.quantize == null ? Quantization.NONE : wanted.quantize;
                    return s.imports().start(path(wanted.path), wanted.name, wanted.base, quantize, c.actor());
                });
        one(
                GET,
                AT + "/imports/{id}",
                "How far an import is.",
                null,
                Imports.Job.class,
                c -> s.imports().named(c.id("id"), c.actor()).orElseThrow(missing("id", "import")));
    }

    private void deployments() {
        many(
                AT + "/deployments",
                "What is served.",
                Deployment.class,
                List.of(),
                c -> Operation.Page.whole(s.catalog().deployments(c.actor())));
        one(
                POST,
                AT + "/deployments",
                "Serves a model under one more name, or what another server makes.",
                NewDeployment.class,
                Deployment.class,
                c -> {
                    NewDeployment wanted = c.body(NewDeployment.class);
                    create(wanted, c);
                    return deployment(c, wanted.name);
                });
        String at = AT + "/deployments/{*deployment}";
        one(GET, at, "A deployment.", null, Deployment.class, c -> deployment(c, name(c)));
        one(
                PUT,
                at,
                "Changes what is said: a policy of null is the platform's.",
                DeploymentChange.class,
                Deployment.class,
                c -> {
                    Deployment old = deployment(c, name(c));
                    DeploymentChange change = c.body(DeploymentChange.class);
                    change(old, change, c);
                    if (change.draining != null) {
                        s.catalog().setDraining(old.name(), change.draining, c.actor());
                    }
                    return deployment(c, old.name());
                });
        one(DELETE, at, "Serves it no longer; the model stays.", null, null, c -> {
            found(s.catalog().delete(name(c), c.actor()), "deployment", "deployment");
            return null;
        });
        one(POST, AT + "/restart/{*deployment}", "Loads a deployment anew.", null, Deployment.class, c -> {
            found(s.catalog().restart(name(c), c.actor()), "deployment", "deployment");
            return deployment(c, name(c));
        });
        one(
                PUT,
                AT + "/policies",
                "Which policy orders a deployment's requests.",
                PolicyChange.class,
                PolicyChange.class,
                c -> {
                    PolicyChange wanted = c.body(PolicyChange.class);
                    checkPolicy(wanted.policy);
                    found(s.catalog().setPolicy(wanted.model, wanted.policy, c.actor()), "model", "model");
                    return wanted;
                });
        many(
                AT + "/models",
                "Imported models, and what they share.",
                ModelSummary.class,
                List.of(),
                c -> Operation.Page.whole(s.library().list(c.actor())));
        many(
                AT + "/chains",
                "Models as chains of blocks, with the models that share each.",
                ModelLibrary.Chain.class,
                List.of(),
                c -> Operation.Page.whole(s.library().chains(c.actor())));
        // An import holds the zoo and then waits to be audited: whoever waits for the zoo must not hold the audit log.
        list.add(new Operation(
                DELETE,
                AT + "/models/{*deployment}",
                "Removes a model, its deployments and its own blocks.",
                null,
                Freed.class,
                false,
                List.of(),
                true,
                c -> new Freed(s.library().remove(name(c), c.actor()))));
    }

    private void create(NewDeployment wanted, Call c) {
        if ((wanted.model == null) == (wanted.upstream == null)) {
            throw new InvalidRequestException("model", "A deployment has either a 'model' or an 'upstream'.");
        }
        if (wanted.upstream != null) {
            refuseForUpstream(wanted.sharesPrefixes, wanted.policy);
            s.upstreams().create(wanted.name, wanted.upstream.upstream(), wanted.upstream.key, c.actor());
            return;
        }
        checkPolicy(wanted.policy);
        boolean shares = Boolean.TRUE.equals(wanted.sharesPrefixes);
        s.catalog().create(wanted.name, Objects.requireNonNull(wanted.model), shares, wanted.policy, c.actor());
    }

    private void change(Deployment old, DeploymentChange change, Call c) {
        if (old.upstream() != null) {
            refuseForUpstream(change.sharesPrefixes, change.policy);
            if (change.upstream != null) {
                s.upstreams().change(old.name(), change.upstream.upstream(), change.upstream.key, c.actor());
            }
            return;
        }
        if (change.upstream != null) {
            throw new InvalidRequestException(
                    "upstream", "It serves a model of Ashlar's own: serve an upstream under another name.");
        }
        checkPolicy(change.policy);
        boolean shares = change.sharesPrefixes == null ? old.sharesPrefixes() : change.sharesPrefixes;
        s.catalog().change(old.name(), shares, change.policy, c.actor());
    }

    private static void refuseForUpstream(@Nullable Boolean sharesPrefixes, @Nullable String policy) {
        if (sharesPrefixes != null || policy != null) {
            throw new InvalidRequestException(
                    policy != null ? "policy" : "shares_prefixes",
                    "An upstream schedules and caches by itself: 'policy' and 'shares_prefixes' are for models that run here.");
        }
    }

    private static Path path(String text) {
        try {
            return Path.of(text);
        } catch (InvalidPathException e) {
            throw new InvalidRequestException("path", "'path' is not a path: " + e.getMessage());
        }
    }

    private static String name(Call c) {
        return c.variable("deployment").substring(1);
    }

    private Deployment deployment(Call c, String name) {
        return s.catalog().deployment(name, c.actor()).orElseThrow(missing("deployment", "deployment"));
    }

    private static void checkPolicy(@Nullable String policy) {
        if (policy != null && Policies.of(policy).isEmpty()) {
            throw new InvalidRequestException(
                    "policy", "'policy' must be one of " + Policies.words() + ", or null, but is '" + policy + "'.");
        }
    }
}
