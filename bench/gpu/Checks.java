import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;

import java.io.PrintWriter;
import org.junit.platform.launcher.LauncherDiscoveryRequest;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;
import org.junit.platform.launcher.listeners.SummaryGeneratingListener;
import org.junit.platform.launcher.listeners.TestExecutionSummary;

/** Runs test classes by their names, and says what passed. */
public final class Checks {
    public static void main(String[] names) {
        boolean passed = true;
        for (String name : names) {
            LauncherDiscoveryRequest request =
                    LauncherDiscoveryRequestBuilder.request().selectors(selectClass(name)).build();
            SummaryGeneratingListener listener = new SummaryGeneratingListener();
            long begin = System.nanoTime();
            LauncherFactory.create().execute(request, listener);
            TestExecutionSummary summary = listener.getSummary();
            boolean skipped = summary.getTestsSucceededCount() == 0 && summary.getTestsAbortedCount() > 0;
            boolean all = (skipped || summary.getTestsSucceededCount() > 0) && summary.getTotalFailureCount() == 0;
            System.out.printf(
                    "%s %s: %d of %d in %.1f s%n",
                    skipped ? "SKIP" : all ? "PASS" : "FAIL",
                    name.substring(name.lastIndexOf('.') + 1),
                    summary.getTestsSucceededCount(),
                    summary.getTestsFoundCount(),
                    (System.nanoTime() - begin) / 1e9);
            if (!all) {
                summary.printFailuresTo(new PrintWriter(System.out), 12);
            }
            passed &= all;
        }
        System.exit(passed ? 0 : 1);
    }
}
