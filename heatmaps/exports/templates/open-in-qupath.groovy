// wsi-swarm: shows the heatmap of this folder on the slide that is open. QuPath 0.5 or later. Research use only.
// Open the slide, drop this file onto QuPath (or: Automate > Script editor > File > Open) and press Run.
// For another target or measure: change "shown", or use Measure > Show measurement maps.
import javafx.application.Platform
import qupath.lib.color.ColorMaps
import qupath.lib.gui.tools.MeasurementMapper
import qupath.lib.io.PathIO

def shown = 0  // which of these:
def maps = [
@MAPS@
]

def here = null
try {
    here = getProperty('qupath.script.file')
} catch (MissingPropertyException ignored) {
    // Told below.
}
if (here == null)
    throw new IllegalStateException('This script finds the tiles beside its own file: open it as a file, do not paste it')
def server = getCurrentServer()
if (server == null)
    throw new IllegalStateException('No slide is open: open the slide of this heatmap first')
def size = @SIZE@  // null: the features did not say it
if (size != null && size != [server.getWidth(), server.getHeight()])
    throw new IllegalStateException("The open slide has ${server.getWidth()} x ${server.getHeight()} px and this heatmap ${size[0]} x ${size[1]}: "
        + 'open its own slide, not rotated. QuPath cuts the margins of MIRAX and some other slides: add those with the optional argument --no-crop')

def map = maps[shown]
def tiles = PathIO.readObjects(new File(new File(here.toString()).getParentFile(), map.file))
// Each tile has the same id in every run: a second run replaces the first one's tiles.
def ids = tiles.collect { it.getID() } as Set
removeObjects(getDetectionObjects().findAll { ids.contains(it.getID()) }, true)
addObjects(tiles)
println "${tiles.size()} tiles; colours show ${map.measurement} from ${map.low} to ${map.high}"

def viewer = getCurrentViewer()
if (viewer != null) {
    int[] r = [@R@]
    int[] g = [@G@]
    int[] b = [@B@]
    def mapper = new MeasurementMapper(ColorMaps.createColorMap('wsi-swarm', r, g, b), map.measurement, tiles)
    mapper.setDisplayMinValue(map.low)
    mapper.setDisplayMaxValue(map.high)
    Platform.runLater {
        def options = viewer.getOverlayOptions()
        options.setShowDetections(true)
        options.setFillDetections(true)
        options.setMeasurementMapper(mapper)
        viewer.repaintEntireImage()
    }
}
