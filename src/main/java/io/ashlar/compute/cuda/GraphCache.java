package io.ashlar.compute.cuda;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Runs lists of launches: one that comes again, as decode steps of one batch size do, becomes a graph, which the driver starts
 * in one call. The list itself is the key, so a graph can never be of other buffers or sizes than the step's.
 */
final class GraphCache {
    /** Lists of which a second coming is waited for. Prefills hardly ever come twice. */
    private static final int MOST_SEEN = 8;

    private static final int MOST_GRAPHS = 128;

    private final Gpu gpu;
    private final long stream;
    private final List<Known> graphs = new ArrayList<>();
    private final List<Known> seen = new ArrayList<>();
    private final List<Long> sideStreams = new ArrayList<>();
    private final List<Long> sideEvents = new ArrayList<>();
    private final long fork;
    private long graphLaunches;
    private long directLaunches;

    private static final class Known {
        private final int fingerprint;
        private final Launches launches;
        private long graph;

        Known(int fingerprint, Launches launches) {
            this.fingerprint = fingerprint;
            this.launches = launches;
        }
    }

    GraphCache(Gpu gpu, long stream) {
        this.gpu = gpu;
        this.stream = stream;
        this.fork = gpu.event();
    }

    void run(Launches launches) {
        int fingerprint = launches.fingerprint();
        Known known = take(graphs, fingerprint, launches);
        if (known == null) {
            known = take(seen, fingerprint, launches);
            if (known == null) {
                remember(seen, MOST_SEEN, new Known(fingerprint, launches.copy()));
                direct(launches);
                directLaunches++;
                return;
            }
            known.graph = gpu.graph(known.launches);
        }
        Known evicted = remember(graphs, MOST_GRAPHS, known);
        if (evicted != null) {
            gpu.freeGraph(evicted.graph);
        }
        gpu.launchGraph(known.graph, stream);
        graphLaunches++;
    }

    private static @Nullable Known take(List<Known> from, int fingerprint, Launches launches) {
        // The last one used is the likeliest: batches change slowly.
        for (int i = from.size() - 1; i >= 0; i--) {
            Known known = from.get(i);
            if (known.fingerprint == fingerprint && known.launches.isSame(launches)) {
                return from.remove(i);
            }
        }
        return null;
    }

    private static @Nullable Known remember(List<Known> in, int most, Known known) {
        in.add(known);
        return in.size() > most ? in.removeFirst() : null;
    }

    /** Sides of an epoch on streams of their own; each waits for the epoch before, and the next epoch for all of them. */
    private void direct(Launches launches) {
        int first = 0;
        while (first < launches.count()) {
            int end = first;
            int sides = 0;
            while (end < launches.count() && launches.epoch(end) == launches.epoch(first)) {
                sides = Math.max(sides, launches.side(end));
                end++;
            }
            if (sides > 0) {
                gpu.record(fork, stream);
            }
            for (int side = 0; side <= sides; side++) {
                run(launches, first, end, side);
            }
            for (int side = 1; side <= sides; side++) {
                gpu.record(sideEvents.get(side - 1), sideStreams.get(side - 1));
                gpu.await(sideEvents.get(side - 1), stream);
            }
            first = end;
        }
    }

    private void run(Launches launches, int first, int end, int side) {
        long on = stream;
        if (side > 0) {
            while (sideStreams.size() < side) {
                sideStreams.add(gpu.stream(true));
                sideEvents.add(gpu.event());
            }
            on = sideStreams.get(side - 1);
            gpu.await(fork, on);
        }
        for (int i = first; i < end; i++) {
            if (launches.side(i) == side) {
                gpu.launch(launches, i, on);
            }
        }
    }

    /** Lists that ran as graphs. */
    long graphLaunches() {
        return graphLaunches;
    }

    /** Lists that ran launch by launch. */
    long directLaunches() {
        return directLaunches;
    }
}
