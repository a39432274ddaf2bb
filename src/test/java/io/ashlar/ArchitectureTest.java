package io.ashlar;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;
import io.ashlar.access.Actor;
import io.ashlar.access.Guarded;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Holds the table of rooms in docs/architecture.md: arrows point one way. */
@AnalyzeClasses(packages = "io.ashlar", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {
    @ArchTest
    static final ArchRule arrows_between_rooms_point_one_way = layeredArchitecture()
            .consideringOnlyDependenciesInLayers()
            .layer("compute")
            .definedBy("io.ashlar.compute..")
            .layer("model")
            .definedBy("io.ashlar.model..")
            .layer("block")
            .definedBy("io.ashlar.block..")
            .layer("scheduler")
            .definedBy("io.ashlar.scheduler..")
            .layer("simulator")
            .definedBy("io.ashlar.simulator..")
            .layer("engine")
            .definedBy("io.ashlar.engine..")
            .layer("database")
            .definedBy("io.ashlar.database..")
            .layer("access")
            .definedBy("io.ashlar.access..")
            .layer("document")
            .definedBy("io.ashlar.document..")
            .layer("audit")
            .definedBy("io.ashlar.audit..")
            .layer("catalog")
            .definedBy("io.ashlar.catalog..")
            .layer("identity")
            .definedBy("io.ashlar.identity..")
            .layer("quota")
            .definedBy("io.ashlar.quota..")
            .layer("usage")
            .definedBy("io.ashlar.usage..")
            .layer("serving")
            .definedBy("io.ashlar.serving..")
            .layer("platform")
            .definedBy("io.ashlar.platform..")
            .layer("blueprint")
            .definedBy("io.ashlar.blueprint..")
            .layer("api")
            .definedBy("io.ashlar.api..")
            .layer("console")
            .definedBy("io.ashlar.console..")
            .layer("app")
            .definedBy("io.ashlar.app..")
            .layer("cli")
            .definedBy("io.ashlar.cli..")
            .layer("main")
            .definedBy("io.ashlar")
            .whereLayer("compute")
            .mayNotAccessAnyLayer()
            .whereLayer("model")
            .mayOnlyAccessLayers("compute")
            .whereLayer("block")
            .mayOnlyAccessLayers("model", "compute")
            .whereLayer("scheduler")
            .mayNotAccessAnyLayer()
            .whereLayer("simulator")
            .mayOnlyAccessLayers("scheduler")
            .whereLayer("engine")
            .mayOnlyAccessLayers("scheduler", "block", "model", "compute")
            .whereLayer("database")
            .mayNotAccessAnyLayer()
            .whereLayer("access")
            .mayNotAccessAnyLayer()
            .whereLayer("document")
            .mayOnlyAccessLayers("access")
            .whereLayer("audit")
            .mayOnlyAccessLayers("access", "document")
            .whereLayer("catalog")
            .mayOnlyAccessLayers("audit", "access")
            .whereLayer("identity")
            .mayOnlyAccessLayers("audit", "database", "access", "document")
            .whereLayer("quota")
            .mayOnlyAccessLayers("identity", "database", "audit", "scheduler", "access")
            .whereLayer("usage")
            .mayOnlyAccessLayers("identity", "access", "document", "audit")
            .whereLayer("serving")
            .mayOnlyAccessLayers(
                    "engine", "scheduler", "block", "model", "catalog", "identity", "audit", "database", "access")
            .whereLayer("platform")
            .mayOnlyAccessLayers("access", "audit", "database", "document", "identity")
            .whereLayer("blueprint")
            .mayOnlyAccessLayers("access", "catalog", "identity", "quota", "scheduler")
            .whereLayer("api")
            .mayOnlyAccessLayers(
                    "serving",
                    "engine",
                    "scheduler",
                    "model",
                    "catalog",
                    "identity",
                    "quota",
                    "usage",
                    "access",
                    "document",
                    "audit",
                    "blueprint",
                    "platform",
                    "block")
            .whereLayer("console")
            .mayOnlyAccessLayers(
                    "serving",
                    "engine",
                    "catalog",
                    "identity",
                    "quota",
                    "usage",
                    "audit",
                    "api",
                    "access",
                    "blueprint",
                    "document",
                    "database",
                    "scheduler",
                    "platform",
                    "block")
            .whereLayer("cli")
            .mayOnlyAccessLayers(
                    "app",
                    "block",
                    "serving",
                    "catalog",
                    "identity",
                    "audit",
                    "access",
                    "blueprint",
                    "document",
                    "database")
            .whereLayer("main")
            .mayOnlyAccessLayers("cli", "database", "identity", "model", "access");

    @ArchTest
    static final ArchRule the_engine_s_rooms_know_nothing_of_spring_or_reactor = noClasses()
            .that(resideInAnyPackage(
                    "io.ashlar.compute..",
                    "io.ashlar.model..",
                    "io.ashlar.block..",
                    "io.ashlar.engine..",
                    "io.ashlar.scheduler.."))
            .should()
            .dependOnClassesThat(resideInAnyPackage("org.springframework..", "reactor.."));

    @ArchTest
    static final ArchRule the_scheduler_is_pure = classes()
            .that(resideInAPackage("io.ashlar.scheduler.."))
            .should()
            .onlyDependOnClassesThat(resideInAnyPackage(
                    "io.ashlar.scheduler..",
                    "java.lang..",
                    "java.util",
                    "java.util.function",
                    "java.util.stream",
                    "java.time",
                    "org.jspecify.."))
            .andShould()
            .notBeAssignableTo(Thread.class);

    @ArchTest
    static final ArchRule the_doors_ask_guarded_services_in_somebody_s_name_only = noClasses()
            .that(resideInAnyPackage("io.ashlar.console..", "io.ashlar.api.admin.."))
            .and()
            // Those find out who that is.
            .haveNameNotMatching(
                    ".*[.](ConsoleActors|ConsoleSessions|LoginView|ProviderRegistrations|ProviderUsers)([$].*)?")
            .should(new ArchCondition<JavaClass>("call a guarded service without an actor") {
                @Override
                public void check(JavaClass caller, ConditionEvents events) {
                    caller.getMethodCallsFromSelf().stream()
                            .filter(c -> c.getTargetOwner().isAnnotatedWith(Guarded.class))
                            .filter(c -> c.getTarget().getRawParameterTypes().stream()
                                    .noneMatch(t -> t.isEquivalentTo(Actor.class)))
                            .forEach(c -> events.add(SimpleConditionEvent.satisfied(c, c.getDescription())));
                }
            });

    @ArchTest
    static final ArchRule the_doors_do_not_know_each_other_s_stack = noClasses()
            .that(resideInAPackage("io.ashlar.api.."))
            .should()
            .dependOnClassesThat(resideInAnyPackage("com.vaadin..", "jakarta.servlet.."));

    @Test
    void every_package_says_what_lives_there() throws IOException {
        try (Stream<Path> folders = Files.walk(Path.of("src/main/java/io/ashlar"))) {
            List<Path> silent = folders.filter(Files::isDirectory)
                    .filter(f -> !Files.exists(f.resolve("package-info.java")))
                    .toList();
            assertThat(silent).isEmpty();
        }
    }
}
