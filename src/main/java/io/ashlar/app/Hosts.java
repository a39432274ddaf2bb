package io.ashlar.app;

import io.ashlar.serving.Host;
import java.util.List;

/** The engines of this process, one for each device; closed with it. */
record Hosts(List<Host> all) implements AutoCloseable {
    void start() {
        all.forEach(host -> host.engine().start());
    }

    /** Makes the first steps as fast as later ones. */
    void warmUp() {
        all.forEach(host -> host.loaded().device().warmUp());
    }

    /** Ends what still runs. */
    void endAnswers() {
        all.forEach(host -> host.engine().close());
    }

    @Override
    public void close() {
        endAnswers();
        all.forEach(host -> host.loaded().device().close());
    }
}
