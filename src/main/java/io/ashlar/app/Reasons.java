package io.ashlar.app;

import io.ashlar.platform.Alarm;
import io.ashlar.quota.Attainment;
import io.ashlar.serving.ServedUpstream;
import io.ashlar.serving.Serving;
import io.ashlar.serving.UpstreamHealth;
import io.ashlar.usage.UsageLedger;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.TreeMap;

/** Reasons for an alarm. */
record Reasons(Serving serving, UsageLedger ledger, Attainment attainment) {
    /** What is wrong now, in words. */
    List<Alarm> now() {
        List<Alarm> alarms = new ArrayList<>();
        new TreeMap<>(serving.failures())
                .forEach((name, why) -> alarms.add(new Alarm(
                        "deployment:" + name, "The deployment " + name + " could not be started: " + why + ".")));
        for (ServedUpstream upstream : serving.upstreams()) {
            if (upstream.health().state() == UpstreamHealth.State.DOWN) {
                alarms.add(new Alarm(
                        "upstream:" + upstream.name(),
                        "The server of " + upstream.name() + ", " + upstream.place() + ", is down: "
                                + upstream.health().text() + "."));
            }
        }
        if (ledger.isBehind()) {
            alarms.add(new Alarm(
                    "ledger", "The database cannot be written. Usage waits in the journal on disk; nothing is lost."));
        }
        for (Attainment.Missed missed : attainment.missed()) {
            alarms.add(new Alarm(
                    "class:" + missed.serviceClass(),
                    String.format(
                            Locale.ROOT,
                            "The class %s kept its targets for %.1f%% of its last %,d requests; %s%% are promised.",
                            missed.serviceClass(),
                            missed.percent(),
                            missed.requests(),
                            String.valueOf(missed.promised()).replaceAll("\\.0$", ""))));
        }
        return alarms;
    }
}
