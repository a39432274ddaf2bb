package io.ashlar.blueprint;

import io.ashlar.access.InvalidRequestException;
import io.ashlar.blueprint.Blueprint.ClassPlan;
import io.ashlar.blueprint.Blueprint.DeploymentPlan;
import io.ashlar.blueprint.Blueprint.LimitPlan;
import io.ashlar.blueprint.Blueprint.PricePlan;
import io.ashlar.blueprint.Blueprint.UpstreamPlan;
import io.ashlar.catalog.Deployment;
import io.ashlar.catalog.Upstream;
import io.ashlar.quota.Limit;
import io.ashlar.quota.Price;
import io.ashlar.scheduler.ServiceClass;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** What there is, as a file says it, and back. */
final class Plans {
    private Plans() {}

    static ClassPlan of(ServiceClass c) {
        return new ClassPlan(
                c.order(),
                (int) c.ttft().toMillis(),
                (int) c.tpot().toMillis(),
                c.percentile(),
                c.weight(),
                c.queueLength(),
                (int) c.queueTime().toSeconds(),
                c.preemptible());
    }

    static DeploymentPlan of(Deployment d) {
        Upstream u = d.upstream();
        return u == null
                ? new DeploymentPlan(d.model(), null, d.sharesPrefixes(), d.policy())
                : new DeploymentPlan(null, of(u), null, null);
    }

    static UpstreamPlan of(Upstream u) {
        return new UpstreamPlan(u.url(), u.model(), u.context(), u.most());
    }

    static PricePlan of(Price price) {
        return new PricePlan(price.prompt(), price.cached(), price.completion());
    }

    static LimitPlan of(Limit l, @Nullable String project) {
        return new LimitPlan(l.kind(), l.amount(), project, l.model(), l.warnPercent(), l.overbooks());
    }

    static ServiceClass serviceClass(String name, ClassPlan plan) {
        try {
            return new ServiceClass(
                    name,
                    plan.order(),
                    Duration.ofMillis(plan.ttftMs()),
                    Duration.ofMillis(plan.tpotMs()),
                    plan.percentile(),
                    plan.weight(),
                    plan.queueLength(),
                    Duration.ofSeconds(plan.queueSeconds()),
                    plan.preemptible());
        } catch (IllegalArgumentException e) {
            throw new InvalidRequestException("order", String.valueOf(e.getMessage()));
        }
    }

    /** What makes a limit the same one: {@code tokens_per_day}, {@code tokens_per_day@project/model}. */
    static String place(LimitPlan plan) {
        return plan.kind().word()
                + (plan.project() == null ? "" : "@" + plan.project())
                + (plan.model() == null ? "" : "/" + plan.model());
    }

    static String words(LimitPlan plan) {
        return plan.amount()
                + (plan.warnPercent() == null || plan.warnPercent().isEmpty() ? "" : ", warns at " + plan.warnPercent())
                + (Boolean.TRUE.equals(plan.overbooks()) ? ", overbooks" : "");
    }
}
