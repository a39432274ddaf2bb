package io.ashlar.scheduler;

import io.ashlar.scheduler.Decisions.What;
import io.ashlar.scheduler.Decisions.Why;
import io.ashlar.scheduler.Job.Place;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Fills steps. A policy says in which order; what is the same for all of them is here: the bounds of a step, pages, who makes
 * room for whom and what becomes of its pages. Not safe for several threads; the engine's thread owns it.
 *
 * <p>A step is one walk along the order. A job that holds pages takes a row for its next token, or as much of its prompt as
 * fits; one that waits is given pages if there are any, and nobody waiting passes it if not. Room is made from the end of the
 * same order, so that nobody loses pages to somebody behind them.
 */
public final class Scheduler<J extends Job> {
    /** Tokens that a job may make before its pages can be taken: less, and two jobs could take turns at moving. */
    private static final int RESIDENCE = 16;
    /** Steps that pages are looked for ahead of need. */
    private static final int STEPS_AHEAD = 8;
    /** Of a target, what a step may take: the rest is for what happens around it. */
    private static final double STEP_OF_TARGET = 0.9;
    /** A step takes at least so many times what an empty one does, or nothing would come of it. */
    private static final double LEAST_STEP = 3;
    /**
     * Jobs that stand back are in a step until it takes this part of the shortest time to a first token that was promised to
     * others, who may come while it runs and wait for its end; and until it takes so many times what an empty one does, so that
     * it costs them a quarter of their speed at most.
     */
    private static final double STANDING_BACK_OF_PROMISE = 0.01;

    private static final double STEP_STANDING_BACK = 4;
    /** Of a step, what a prompt leaves at most to answers behind it: they cost little, and end sooner. */
    private static final double LEFT_TO_DECODES = 0.75;

    /** A day. */
    private static final double UNBOUNDED = 86_400e9;

    private static final int LEAST_CHUNK = 16;
    private static final int PAGE_TOKENS = 16;

    private final StepLimits limits;
    private final Preemption preemption;
    private final CostModel cost;
    private final Decisions<J> decisions;
    private final Accounts accounts = new Accounts();
    private final Map<String, Lane<J>> laneOf = new HashMap<>();
    private final List<Lane<J>> lanes = new ArrayList<>();
    private Lane<J> usual;
    private final StepPlan<J> plan = new StepPlan<>();
    private final Growth growth = new Growth();
    /** All jobs, in the order of the step that is being planned. */
    private final List<J> order = new ArrayList<>();

    private int jobs;
    private int placed;
    private long arrivals;
    private long steps;
    private long preemptions;
    /** Bytes on their way to host memory. */
    private long leaving;

    // The step that is being planned.
    private long now;
    private int tokensLeft;
    private double nanosLeft;
    private double budgetNanos;
    private double decodesBehind;
    private int decodeRowsBehind;
    private boolean blocked;
    private @Nullable J starved;

    /** @param usual policy of deployments that none was named for */
    public Scheduler(
            StepLimits limits, Preemption preemption, CostModel cost, Decisions<J> decisions, Policy.Kind usual) {
        this.limits = limits;
        this.preemption = preemption;
        this.cost = cost;
        this.decisions = decisions;
        this.usual = lane(usual);
    }

    public Accounts accounts() {
        return accounts;
    }

    /** Another policy for deployments that none was named for. */
    public void use(Policy.Kind policy) {
        Lane<J> before = usual;
        usual = lane(policy);
        for (J job : List.copyOf(before.jobs)) {
            if (!laneOf.containsKey(job.terms().deployment())) {
                move(job, usual);
            }
        }
        dropUnused();
    }

    /** Another policy for one deployment; its jobs go over as they are. */
    public void use(String deployment, Policy.Kind policy) {
        Lane<J> to = lane(policy);
        laneOf.put(deployment, to);
        for (Lane<J> from : lanes) {
            if (from != to) {
                for (J job : List.copyOf(from.jobs)) {
                    if (job.terms().deployment().equals(deployment)) {
                        move(job, to);
                    }
                }
            }
        }
        dropUnused();
    }

    /** No policy of its own any more for a deployment. */
    public void useUsual(String deployment) {
        Lane<J> from = laneOf.remove(deployment);
        if (from != null && from != usual) {
            for (J job : List.copyOf(from.jobs)) {
                if (job.terms().deployment().equals(deployment)) {
                    move(job, usual);
                }
            }
        }
        dropUnused();
    }

    private Lane<J> lane(Policy.Kind policy) {
        for (Lane<J> lane : lanes) {
            if (lane.kind.equals(policy)) {
                return lane;
            }
        }
        Lane<J> lane = new Lane<>(policy, policy.make(cost, accounts, limits));
        lanes.add(lane);
        return lane;
    }

    private void move(J job, Lane<J> to) {
        laneOf(job).jobs.remove(job);
        laneOf(job).policy.left(job);
        job.forgetPolicy();
        to.add(job);
        to.policy.arrived(job, job.arrivalNanos());
    }

    private void dropUnused() {
        lanes.removeIf(lane -> lane != usual && !laneOf.containsValue(lane));
    }

    @SuppressWarnings("unchecked") // only this class sets it
    private Lane<J> laneOf(J job) {
        return (Lane<J>) job.lane;
    }

    public void add(J job, long nowNanos) {
        Lane<J> lane = laneOf.getOrDefault(job.terms().deployment(), usual);
        if (lane.jobs.isEmpty()) {
            lane.served = Math.max(lane.served, leastServed());
        }
        job.number = arrivals++;
        accounts.enter(job);
        lane.add(job);
        lane.policy.arrived(job, nowNanos);
        jobs++;
    }

    private double leastServed() {
        double least = Double.MAX_VALUE;
        for (Lane<J> lane : lanes) {
            if (!lane.jobs.isEmpty()) {
                least = Math.min(least, lane.served);
            }
        }
        return least == Double.MAX_VALUE ? 0 : least;
    }

    /** A job that ended, wherever it was. The caller gives its pages back. */
    public void remove(J job) {
        leaving -= job.leavingBytes;
        job.leavingBytes = 0;
        setPlace(job, Place.WAITING);
        laneOf(job).jobs.remove(job);
        laneOf(job).policy.left(job);
        accounts.leave(job);
        jobs--;
    }

    /** A job's pages are in host memory now, and free here. */
    public void movedOut(J job) {
        leaving -= job.leavingBytes;
        job.leavingBytes = 0;
        setPlace(job, Place.AWAY);
    }

    /** A job's pages are back. */
    public void movedIn(J job) {
        setPlace(job, Place.HOLDING);
    }

    /** What a job had of pages, here or in host memory, is gone; it is computed again. */
    public void lost(J job) {
        leaving -= job.leavingBytes;
        job.leavingBytes = 0;
        setPlace(job, Place.WAITING);
    }

    private void setPlace(J job, Place place) {
        boolean before = job.placed();
        job.place = place;
        placed += (job.placed() ? 1 : 0) - (before ? 1 : 0);
    }

    /** Jobs that hold pages on the device. */
    public int running() {
        return placed;
    }

    /** Jobs that hold none, those in host memory included. */
    public int waiting() {
        return jobs - placed;
    }

    /** Times that a job's pages were taken for others. */
    public long preemptions() {
        return preemptions;
    }

    /** What was promised to all that are here. For a thread that lets newcomers in. */
    public Backlog backlog(long nowNanos, Pages<J> pages) {
        Map<String, Boolean> keeps = new HashMap<>();
        keeps.put("", usual.policy.keepsTargets());
        laneOf.forEach((deployment, lane) -> keeps.put(deployment, lane.policy.keepsTargets()));
        Backlog backlog = new Backlog(cost.copy(), limits.jobs(), keeps);
        double bytes = pages.free();
        double perToken = 0;
        for (Lane<J> lane : lanes) {
            for (J job : lane.jobs) {
                backlog.add(job, nowNanos);
                bytes += pages.held(job);
                perToken += bytesPerToken(job, pages);
            }
        }
        if (jobs > 0) {
            backlog.holds(bytes / (perToken / jobs));
        }
        return backlog;
    }

    /** All jobs, in the order of the last step; those that ended since included. */
    public List<J> order() {
        return order;
    }

    /**
     * The next step.
     *
     * @param nowNanos the engine's clock
     * @return valid until the next call
     */
    public StepPlan<J> plan(long nowNanos, Pages<J> pages) {
        now = nowNanos;
        steps++;
        accounts.raiseFloor();
        accounts.decay(now, !plan.isEmpty());
        arrange();
        begin();
        for (int i = 0; i < order.size(); i++) {
            consider(order.get(i), i, pages);
        }
        if (plan.isEmpty() && starved != null && leaving == 0) {
            takeFromAnybody(starved, pages);
        }
        if (preemption == Preemption.PROACTIVE) {
            lookAhead(pages);
        }
        tellPauses();
        return plan;
    }

    /** The jobs of all lanes in one order: the lane that was served least goes first, as far as its next job. */
    private void arrange() {
        order.clear();
        for (int i = 0; i < lanes.size(); i++) {
            lanes.get(i).arrange(now);
        }
        if (lanes.size() == 1) {
            take(lanes.getFirst());
            return;
        }
        while (true) {
            Lane<J> least = null;
            for (int i = 0; i < lanes.size(); i++) {
                Lane<J> lane = lanes.get(i);
                if (lane.hasNext() && (least == null || lane.ahead() < least.ahead())) {
                    least = lane;
                }
            }
            if (least == null) {
                return;
            }
            J job = least.next();
            least.planned += job.place == Place.HOLDING ? Math.min(job.pending(), limits.tokens()) : 0;
            order.add(job);
        }
    }

    private void take(Lane<J> lane) {
        while (lane.hasNext()) {
            order.add(lane.next());
        }
    }

    private void begin() {
        plan.clear();
        growth.clear();
        tokensLeft = limits.tokens();
        blocked = false;
        starved = null;
        decodesBehind = 0;
        decodeRowsBehind = 0;
        double target = Double.MAX_VALUE;
        for (int i = 0; i < order.size(); i++) {
            J job = order.get(i);
            job.seen(now);
            job.why = Why.TURN;
            if (job.decoding() && job.ready()) {
                Policy policy = laneOf(job).policy;
                if (!policy.standsBack(job)) {
                    decodesBehind += decodeNanos(job);
                    decodeRowsBehind++;
                }
                long tpot = job.tpotNanos();
                if (tpot > 0 && policy.keepsTargets()) {
                    target = Math.min(target, tpot);
                }
            }
        }
        budgetNanos =
                target == Double.MAX_VALUE ? UNBOUNDED : Math.max(target * STEP_OF_TARGET, cost.base() * LEAST_STEP);
        nanosLeft = budgetNanos - cost.base();
    }

    private double decodeNanos(J job) {
        return cost.decodeRow() + cost.page() * job.length() / PAGE_TOKENS;
    }

    private void consider(J job, int index, Pages<J> pages) {
        boolean ready = job.ready();
        if (job.place == Place.HOLDING && job.pending() == 1) {
            decode(job, index, ready, pages);
        } else if (job.place == Place.HOLDING) {
            if (ready) {
                prefill(job);
            } else {
                job.why = Why.READER;
            }
        } else if (ready && job.place == Place.AWAY) {
            comeBack(job, index, pages);
        } else if (ready && job.place == Place.WAITING) {
            admit(job, index, pages);
        }
        if (laneOf(job).policy.plansGrowth() && (job.place == Place.HOLDING || job.place == Place.RETURNING)) {
            growth.add(left(job), pages.held(job), bytesPerToken(job, pages));
        }
    }

    private static int left(Job job) {
        return job.predictedAnswer() - job.made();
    }

    private double bytesPerToken(J job, Pages<J> pages) {
        return (double) pages.bytes(job, PAGE_TOKENS) / PAGE_TOKENS;
    }

    private boolean hasPlace() {
        return tokensLeft > 0 && plan.size() < limits.jobs();
    }

    private void decode(J job, int index, boolean ready, Pages<J> pages) {
        if (!ready) {
            job.why = Why.READER;
            return;
        }
        double nanos = decodeNanos(job);
        if (!standsBack(job)) {
            decodesBehind -= nanos;
            decodeRowsBehind--;
        }
        if (!hasPlace()) {
            job.why = Why.PLACES;
        } else if (nanos > nanosLeft(job) && !plan.isEmpty()) {
            job.why = Why.TIME;
        } else if (!growth(job, index, pages)) {
            job.why = Why.PAGES;
        } else {
            nanosLeft -= nanos;
            put(job, 1);
        }
    }

    private double nanosLeft(J job) {
        if (!standsBack(job)) {
            return nanosLeft;
        }
        double most = Math.max(cost.base() * STEP_STANDING_BACK, accounts.shortestPromise() * STANDING_BACK_OF_PROMISE);
        return Math.min(nanosLeft, nanosLeft - budgetNanos + most);
    }

    private boolean growth(J job, int index, Pages<J> pages) {
        while (!pages.grow(job)) {
            if (!makeRoom(index, pages.bytes(job, 1), pages)) {
                starve(job);
                return false;
            }
        }
        return true;
    }

    private void starve(J job) {
        if (starved == null) {
            starved = job;
        }
    }

    private void prefill(J job) {
        int tokens = chunk(job);
        if (tokens == 0) {
            job.why = hasPlace() ? Why.TIME : Why.PLACES;
            return;
        }
        nanosLeft -= prefillNanos(job, tokens);
        put(job, tokens);
    }

    private double prefillNanos(J job, int tokens) {
        int before = job.length() - job.pending();
        return tokens * (cost.prefillToken() + cost.page() * (before + tokens / 2.0) / PAGE_TOKENS);
    }

    /** As much of the prompt as fits into the step, something left for answers behind it. */
    private int chunk(J job) {
        if (!hasPlace()) {
            return 0;
        }
        int left = Math.min(decodeRowsBehind, (int) (limits.tokens() * LEFT_TO_DECODES));
        int most = Math.min(tokensLeft - left, job.pending());
        if (left > 0 && most < Math.min(LEAST_CHUNK, job.pending())) {
            most = plan.isEmpty() ? Math.min(tokensLeft, job.pending()) : 0;
        }
        if (most <= 0) {
            return 0;
        }
        double nanos = nanosLeft(job) - Math.min(decodesBehind, budgetNanos * LEFT_TO_DECODES);
        int fits = (int) (nanos / (prefillNanos(job, most) / most));
        if (fits < LEAST_CHUNK && fits < most) {
            // A step with nothing else in it makes progress, whatever its time.
            return plan.isEmpty() ? Math.min(most, LEAST_CHUNK) : 0;
        }
        return Math.min(most, fits);
    }

    private void admit(J job, int index, Pages<J> pages) {
        if (blocked || chunk(job) == 0) {
            return;
        }
        boolean anybody = placed > 0;
        if (anybody && laneOf(job).policy.plansGrowth() && !fitsGrown(job, index, pages)) {
            blocked = true;
            return;
        }
        while (!pages.admit(job)) {
            if (!makeRoom(index, pages.bytes(job, job.length()), pages)) {
                blocked = true;
                starve(job);
                return;
            }
        }
        setPlace(job, Place.HOLDING);
        job.residence = 0;
        // What the cache had costs nobody anything.
        job.charged = Math.max(job.charged, job.length() - job.pending());
        decisions.decided(job, What.ADMITTED, Why.TURN);
        job.paused = false;
        prefill(job);
        if (job.step != steps) {
            job.paused = true;
        }
    }

    /** Whether its predicted pages fit beside the predicted growth of those that go before it. */
    private boolean fitsGrown(J job, int index, Pages<J> pages) {
        long room = pages.free() + leaving;
        for (int i = 0; i < order.size(); i++) {
            J other = order.get(i);
            if (other.place == Place.HOLDING
                    && (i < index || other.serviceClass().preemptible())) {
                room += pages.held(other);
            }
        }
        int answer = job.predictedAnswer() - job.made();
        double peak = growth.peakWith(answer, pages.bytes(job, job.length()), bytesPerToken(job, pages));
        return peak <= room;
    }

    private void comeBack(J job, int index, Pages<J> pages) {
        if (blocked || !hasPlace()) {
            return;
        }
        while (!pages.moveIn(job)) {
            if (!makeRoom(index, pages.bytes(job, job.length()), pages)) {
                blocked = true;
                starve(job);
                return;
            }
        }
        comesBack(job, Why.TURN);
    }

    private void comesBack(J job, Why why) {
        setPlace(job, Place.RETURNING);
        job.residence = 0;
        decisions.decided(job, What.MOVED_IN, why);
    }

    /**
     * Takes pages from the last job behind {@code index} that may lose them. True if it is worth asking again at once; false
     * if there is nobody, or if the pages are still on their way.
     */
    private boolean makeRoom(int index, long bytes, Pages<J> pages) {
        if (leaving >= bytes) {
            return false;
        }
        for (int i = order.size() - 1; i > index; i--) {
            J victim = order.get(i);
            if (victim.step != steps && mayLose(victim, order.get(index))) {
                if (take(victim, Why.NEEDED, pages)) {
                    return true;
                }
                if (leaving >= bytes) {
                    return false;
                }
            }
        }
        return false;
    }

    private boolean mayLose(J victim, J to) {
        return victim.place == Place.HOLDING
                && victim.serviceClass().preemptible()
                && (victim.residence >= RESIDENCE || standsBack(victim) && !standsBack(to));
    }

    private boolean standsBack(J job) {
        return laneOf(job).policy.standsBack(job);
    }

    /** Nothing can go on: whoever is last gives way, whatever was promised. */
    private void takeFromAnybody(J needing, Pages<J> pages) {
        for (int i = order.size() - 1; i >= 0; i--) {
            J victim = order.get(i);
            if (victim != needing && victim.place == Place.HOLDING) {
                take(victim, Why.NEEDED, pages);
                return;
            }
        }
    }

    /** True if its pages are free now, false if they are on their way. */
    private boolean take(J victim, Why why, Pages<J> pages) {
        if (preemption != Preemption.RECOMPUTE && moveIsCheaper(victim, pages)) {
            if (leave(victim, why, pages)) {
                return false;
            }
        }
        preemptions++;
        victim.paused = false;
        pages.release(victim);
        setPlace(victim, Place.WAITING);
        decisions.decided(victim, What.DROPPED, why);
        return true;
    }

    private boolean leave(J job, Why why, Pages<J> pages) {
        long held = pages.held(job);
        if (!pages.moveOut(job)) {
            return false;
        }
        preemptions++;
        job.paused = false;
        job.leavingBytes = held;
        leaving += held;
        setPlace(job, Place.LEAVING);
        decisions.decided(job, What.MOVED_OUT, why);
        return true;
    }

    private boolean moveIsCheaper(J job, Pages<J> pages) {
        double move = 2e9 * pages.held(job) / pages.moveBytesPerSecond();
        return move < cost.prefill(job.length(), 0);
    }

    /**
     * Moves the last job out when the next steps will need more pages than there are, or the first that is away in when they
     * will not; one of the two, one job a step.
     */
    private void lookAhead(Pages<J> pages) {
        double need = 0;
        for (int i = 0; i < plan.size(); i++) {
            need += bytesPerToken(plan.job(i), pages) * STEPS_AHEAD;
        }
        J next = null;
        int nextIndex = -1;
        for (int i = 0; i < order.size() && next == null; i++) {
            J job = order.get(i);
            if ((job.place == Place.WAITING || job.place == Place.AWAY) && job.ready()) {
                next = job;
                nextIndex = i;
            }
        }
        long free = pages.free() + leaving;
        if (free < need || next != null && free < need + pages.bytes(next, next.length())) {
            moveLastOut(free < need ? -1 : nextIndex, pages);
        } else if (next != null && next.place == Place.AWAY && pages.moveIn(next)) {
            comesBack(next, Why.TURN);
        }
    }

    /** The last one behind {@code index} that this step leaves out. */
    private void moveLastOut(int index, Pages<J> pages) {
        for (int i = order.size() - 1; i > index; i--) {
            J job = order.get(i);
            if (job.step != steps && mayLose(job, index < 0 ? job : order.get(index))) {
                if (moveIsCheaper(job, pages)) {
                    leave(job, Why.NEEDED_SOON, pages);
                }
                return;
            }
        }
    }

    private void put(J job, int tokens) {
        tokensLeft -= tokens;
        plan.add(job, tokens);
        job.step = steps;
        job.residence += tokens;
        int end = job.length() - job.pending() + tokens;
        int fresh = Math.min(tokens, end - job.charged);
        if (fresh > 0) {
            accounts.charge(job, fresh, tokens == 1 && job.made() > 0);
            laneOf(job).served += fresh;
            job.charged = end;
        }
        laneOf(job).policy.served(job, tokens, now);
        if (job.paused) {
            job.paused = false;
            decisions.decided(job, What.RESUMED, Why.TURN);
        }
    }

    /** Tells of those that were in the last step and are not in this one. */
    private void tellPauses() {
        for (int i = 0; i < order.size(); i++) {
            J job = order.get(i);
            if (job.place == Place.HOLDING && job.step == steps - 1 && !job.paused && job.made() < job.limit()) {
                job.paused = true;
                decisions.decided(job, What.PAUSED, job.why);
            }
        }
    }
}
