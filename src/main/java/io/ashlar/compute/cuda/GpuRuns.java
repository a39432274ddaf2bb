package io.ashlar.compute.cuda;

import io.ashlar.compute.Kernels.Submitted;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * Starts recorded work and waits for it. Two works may be under way: while the GPU runs one, the host gives it the next and
 * reads what the one before wrote.
 */
final class GpuRuns {
    private static final System.Logger LOG = System.getLogger(GpuRuns.class.getName());
    private static final int MOST = 2;
    /** One more, so that the end of the run before the oldest under way is still known. */
    private static final int SLOTS = MOST + 1;

    private final Gpu gpu;
    private final DeviceWords words;
    private final long stream;
    private final Launches launches = new Launches();
    private final GraphCache graphs;
    private final Run[] runs = new Run[SLOTS];
    /** What kernels of the recorded work write for the host. */
    private final List<CudaInts> outputs = new ArrayList<>();

    private int started;
    private int settled;
    private volatile double busyMillis;
    private volatile double idleMillis;

    GpuRuns(Gpu gpu, DeviceWords words, long stream) {
        this.gpu = gpu;
        this.words = words;
        this.stream = stream;
        this.graphs = new GraphCache(gpu, stream);
        for (int i = 0; i < SLOTS; i++) {
            runs[i] = new Run();
        }
    }

    /** Work under way: what it will have written for the host, and where that arrives. */
    private final class Run implements Submitted {
        private final long began = gpu.event();
        private final long done = gpu.event();
        private final List<CudaInts> outputs = new ArrayList<>();
        private final List<CudaBuffer> outgrown = new ArrayList<>();
        private MemorySegment arrived = gpu.pinned(1 << 14);
        private int number;

        void begin() {
            number = started;
            gpu.record(began, stream);
        }

        void end() {
            started++;
            long bytes = 0;
            for (int i = 0; i < outputs.size(); i++) {
                bytes += outputs.get(i).length() * 4L;
            }
            if (bytes > arrived.byteSize()) {
                arrived = gpu.pinned(2 * bytes);
            }
            long at = 0;
            for (int i = 0; i < outputs.size(); i++) {
                CudaInts output = outputs.get(i);
                gpu.copyOut(arrived.asSlice(at, output.length() * 4L), output.address(), stream);
                at += output.length() * 4L;
            }
            gpu.record(done, stream);
        }

        @Override
        public void await() {
            while (settled <= number) {
                runs[settled % SLOTS].settle();
            }
        }

        private void settle() {
            settled++;
            try {
                gpu.synchronize(done);
                busyMillis += gpu.millis(began, done);
                if (number > 0) {
                    idleMillis += Math.max(0, gpu.millis(runs[(number - 1) % SLOTS].done, began));
                }
                long at = 0;
                for (int i = 0; i < outputs.size(); i++) {
                    CudaInts output = outputs.get(i);
                    words.wrote(output.block(), arrived.asSlice(at, output.length() * 4L));
                    at += output.length() * 4L;
                }
            } finally {
                release();
            }
        }

        private void release() {
            outputs.clear();
            outgrown.forEach(CudaBuffer::close);
            outgrown.clear();
        }
    }

    /** Where work is recorded. */
    Launches launches() {
        return launches;
    }

    /** The recorded work writes these numbers, and the host will read them. */
    void giveOut(CudaInts output) {
        words.willBeWritten(output.block());
        if (!outputs.contains(output)) {
            outputs.add(output);
        }
    }

    /** @param scratches that the recorded work uses; what they have outgrown is kept for as long as it runs */
    Submitted submit(List<Scratch> scratches) {
        if (launches.count() == 0) {
            return Submitted.DONE;
        }
        if (started - settled == MOST) {
            throw new IllegalStateException(MOST + " works are under way already");
        }
        Run run = runs[started % SLOTS];
        run.begin();
        words.upload(stream);
        graphs.run(launches);
        run.outputs.addAll(outputs);
        outputs.clear();
        for (int i = 0; i < scratches.size(); i++) {
            scratches.get(i).giveUp(run.outgrown);
        }
        run.end();
        launches.clear();
        return run;
    }

    void finish(List<Scratch> scratches) {
        if (launches.count() > 0) {
            if (started - settled == MOST) {
                runs[settled % SLOTS].await();
            }
            submit(scratches);
        }
        while (settled < started) {
            runs[settled % SLOTS].settle();
        }
    }

    /** Forgets what is recorded, and waits for what runs, whatever becomes of it. */
    void discard() {
        launches.clear();
        outputs.clear();
        while (settled < started) {
            try {
                runs[settled % SLOTS].settle();
            } catch (CudaException e) {
                LOG.log(System.Logger.Level.WARNING, "a step was given up: {0}", e.getMessage());
            }
        }
    }

    /** Milliseconds that the GPU ran steps, and milliseconds that it waited from the end of one to the begin of the next. */
    double[] times() {
        return new double[] {busyMillis, idleMillis};
    }

    /** Works that ran as graphs, and works that ran launch by launch. */
    long[] counts() {
        return new long[] {graphs.graphLaunches(), graphs.directLaunches()};
    }
}
