"""All the widgets of the window that show something, made once."""

from __future__ import annotations

from dataclasses import dataclass, field

from kvsplice_gui.panels.audit_table import AuditTable
from kvsplice_gui.panels.calibration_panel import CalibrationPanel
from kvsplice_gui.panels.continuation_view import ContinuationView
from kvsplice_gui.panels.data_panel import DataPanel
from kvsplice_gui.panels.evaluation_table import EvaluationTable
from kvsplice_gui.panels.frontier_panel import FrontierPanel
from kvsplice_gui.panels.frontier_table import FrontierTable
from kvsplice_gui.panels.frontier_view import FrontierView
from kvsplice_gui.panels.heads_table import HeadsTable
from kvsplice_gui.panels.log_panel import LogPanel
from kvsplice_gui.panels.measured_memory import MeasuredPanel
from kvsplice_gui.panels.memory_panel import MemoryPanel
from kvsplice_gui.panels.pipeline_strip import PipelineStrip
from kvsplice_gui.panels.quality_panel import QualityPanel
from kvsplice_gui.panels.results_table import ResultsTable
from kvsplice_gui.panels.solve_panel import SolvePanel
from kvsplice_gui.panels.view_panel import ViewPanel
from kvsplice_gui.plots.base import PlotFrame
from kvsplice_gui.plots.change_plot import ChangePlot
from kvsplice_gui.plots.frontier_plot import FrontierPlot
from kvsplice_gui.plots.given_map import GivenMap
from kvsplice_gui.plots.loss_plot import LossPlot
from kvsplice_gui.plots.memory_plot import MemoryPlot
from kvsplice_gui.plots.mse_plot import MsePlot
from kvsplice_gui.plots.quality_plot import QualityPlot
from kvsplice_gui.plots.sensitivity_map import SensitivityMap
from kvsplice_gui.plots.slope_map import SlopeMap
from kvsplice_gui.plots.spline_plot import SplinePlot


@dataclass
class Views:
    """The window's panels and plots."""

    strip: PipelineStrip = field(default_factory=PipelineStrip)
    data: DataPanel = field(default_factory=DataPanel)
    calibration: CalibrationPanel = field(default_factory=CalibrationPanel)
    memory_panel: MemoryPanel = field(default_factory=MemoryPanel)
    quality_panel: QualityPanel = field(default_factory=QualityPanel)
    frontier_panel: FrontierPanel = field(default_factory=FrontierPanel)
    solve_panel: SolvePanel = field(default_factory=SolvePanel)
    view: ViewPanel = field(default_factory=ViewPanel)
    splines: SplinePlot = field(default_factory=SplinePlot)
    slopes: SlopeMap = field(default_factory=SlopeMap)
    loss: LossPlot = field(default_factory=LossPlot)
    mse: MsePlot = field(default_factory=MsePlot)
    change: ChangePlot = field(default_factory=ChangePlot)
    memory: MemoryPlot = field(default_factory=MemoryPlot)
    quality: QualityPlot = field(default_factory=QualityPlot)
    frontier: FrontierPlot = field(default_factory=FrontierPlot)
    frontier_view: FrontierView = field(init=False)
    sensitivity: SensitivityMap = field(default_factory=SensitivityMap)
    given: GivenMap = field(default_factory=GivenMap)
    frontier_table: FrontierTable = field(default_factory=FrontierTable)
    table: ResultsTable = field(default_factory=ResultsTable)
    evaluation: EvaluationTable = field(default_factory=EvaluationTable)
    audit: AuditTable = field(default_factory=AuditTable)
    heads: HeadsTable = field(default_factory=HeadsTable)
    continuation: ContinuationView = field(default_factory=ContinuationView)
    measured: MeasuredPanel = field(default_factory=MeasuredPanel)
    log: LogPanel = field(default_factory=LogPanel)

    def __post_init__(self) -> None:
        self.change.link_x(self.mse)
        self.quality.link_x(self.mse)
        self.memory.set_log(True)
        self.frontier_view = FrontierView(self.frontier)

    @property
    def plots(self) -> dict[str, PlotFrame]:
        """The plots by the key of the figure each can be exported as."""
        return {
            "spline_curves": self.splines,
            "slope_map": self.slopes,
            "loss": self.loss,
            "mse_vs_k": self.mse,
            "change_vs_pca": self.change,
            "memory": self.memory,
            "quality_vs_k": self.quality,
            "sensitivity_map": self.sensitivity,
            "frontier": self.frontier,
            "given_bits": self.given,
        }
