package io.ashlar.serving;

import io.ashlar.engine.EngineBusyException;
import io.ashlar.scheduler.ServiceClass;
import io.ashlar.scheduler.Terms;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Requests that wait for a place at another server. First comes the highest class; within it the tenant that had fewest tokens
 * for its weight, by virtual token counters (Sheng et al., "Fairness in Serving Large Language Models", OSDI 2024); then who came
 * first. A tenant that comes back is lifted to the lowest of those that stayed: nobody saves up by being away.
 *
 * @param <T> what waits
 */
final class UpstreamLine<T> {
    private static final int MOST_COUNTERS = 4096;

    private record Waiting<T>(T what, Terms terms) {}

    private static final class Tenant {
        double counter;
        /** Its requests that wait or hold a place. */
        int present;
    }

    private final int places;
    private final List<Waiting<T>> waiting = new ArrayList<>();
    private final Map<String, Tenant> tenants = new HashMap<>();
    private double lastCounter;
    private int taken;

    /** @param places requests that the server is given at a time */
    UpstreamLine(int places) {
        this.places = places;
    }

    /**
     * Takes a place, or waits.
     *
     * @return whether it has a place at once
     * @throws EngineBusyException when as many of its class wait as may
     */
    synchronized boolean enter(T what, Terms terms) {
        ServiceClass of = terms.serviceClass();
        boolean free = taken < places && waiting.isEmpty();
        if (!free) {
            long before = waiting.stream()
                    .filter(w -> w.terms.serviceClass().name().equals(of.name()))
                    .count();
            if (before >= of.queueLength()) {
                throw new EngineBusyException(
                        before + " requests of the class " + of.name() + " wait for the model's server already");
            }
        }
        arrive(terms.tenant());
        if (free) {
            taken++;
        } else {
            waiting.add(new Waiting<>(what, terms));
        }
        return free;
    }

    private void arrive(String name) {
        Tenant tenant = tenants.computeIfAbsent(name, n -> new Tenant());
        if (tenant.present++ == 0) {
            double lowest = tenants.values().stream()
                    .filter(t -> t != tenant && t.present > 0)
                    .mapToDouble(t -> t.counter)
                    .min()
                    .orElse(lastCounter);
            tenant.counter = Math.max(tenant.counter, lowest);
        }
        if (tenants.size() > MOST_COUNTERS) {
            tenants.values().removeIf(t -> t.present == 0);
        }
    }

    /** Tokens that a tenant was given. */
    synchronized void charge(Terms terms, int tokens) {
        Tenant tenant = tenants.get(terms.tenant());
        if (tenant != null) {
            tenant.counter += tokens / terms.weight();
        }
    }

    /**
     * Gives a place back, or leaves the line.
     *
     * @return who has the place now; null for nobody
     */
    synchronized @Nullable T leave(T what, Terms terms) {
        Tenant tenant = tenants.get(terms.tenant());
        if (tenant != null) {
            tenant.present--;
            lastCounter = tenant.counter;
        }
        if (waiting.removeIf(w -> w.what.equals(what))) {
            return null;
        }
        taken--;
        Waiting<T> next = null;
        for (Waiting<T> candidate : waiting) {
            if (next == null || compare(candidate.terms, next.terms) < 0) {
                next = candidate;
            }
        }
        if (next == null || taken >= places) {
            return null;
        }
        waiting.remove(next);
        taken++;
        return next.what;
    }

    private int compare(Terms a, Terms b) {
        int order = Integer.compare(a.serviceClass().order(), b.serviceClass().order());
        return order != 0 ? order : Double.compare(counter(a), counter(b));
    }

    private double counter(Terms terms) {
        Tenant tenant = tenants.get(terms.tenant());
        return tenant == null ? 0 : tenant.counter;
    }

    synchronized int taken() {
        return taken;
    }

    synchronized int waiting() {
        return waiting.size();
    }
}
